// Merged models compute what base and adapter computed, and hold W + scaling B A rounded once.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data/tokenizer.h"
#include "export/export_fixture.h"
#include "export/merged_weights.h"
#include "support/skips.h"

namespace vernier::testing {
namespace {

class MergeArch : public ::testing::TestWithParam<const char*> {
 protected:
  MergeArch() {
    write_adapter(folder / "adapter", golden_lora(GetParam()), 4, 8);
    request.adapter = folder / "adapter";
    request.base = golden(std::string("arch/") + GetParam());
    request.out = folder / "merged";
  }

  TempDir folder;
  MergeRequest request;
};

TEST_P(MergeArch, OntoOriginalInF32GivesTheLogitsOfPeft) {
  request.dtype = Dtype::kF32;
  EXPECT_EQ(merge(request).onto, MergeOnto::kOriginal);
  const SafetensorsFile file(request.base + "/golden.safetensors");
  const at::Tensor logits = merged_logits(request.out, GetParam());
  EXPECT_LT(max_difference(logits, tensor(file, "logits").view(logits.sizes())), 1e-4);
}

TEST_P(MergeArch, OntoDequantizedInF32GivesTheLogitsOfTheTrainedFunction) {
  QuantizationRecord record;
  record.load_in_4bit = true;
  record.blocksize = 32;
  record.double_quant = true;
  write_record(request.adapter, record);
  request.dtype = Dtype::kF32;
  EXPECT_EQ(merge(request).onto, MergeOnto::kDequantized);

  LoadOptions options;
  options.load_in_4bit = true;
  options.quantization.blocksize = 32;
  options.max_row_tokens = 24;
  const Device device = cpu();
  Decoder model = load(request.base, options, device);
  load_adapter(model, request.adapter, request.base);
  const at::Tensor expected = golden_logits(model, device, GetParam()), logits = merged_logits(request.out, GetParam());
  EXPECT_LT(max_difference(logits, expected), 1e-4);
  // The two functions differ by far more than the tolerance.
  const SafetensorsFile file(request.base + "/golden.safetensors");
  EXPECT_GT(max_difference(logits, tensor(file, "logits").view(logits.sizes())), 1e-2);
}

TEST_P(MergeArch, RoundsOnce) {
  request.dtype = Dtype::kBF16;
  const MergeSummary summary = merge(request);
  const ModelDir base(request.base), merged(request.out);
  const SafetensorsFile lora(request.adapter + "/adapter_model.safetensors");
  EXPECT_EQ(merged.weights().size(), base.weights().size());
  std::uint64_t bytes = 0;
  std::int64_t linears = 0;
  for (const WeightInfo& weight : base.weights()) {
    ASSERT_EQ(merged.find(weight.name)->dtype, Dtype::kBF16);
    at::Tensor before = at::empty(weight.shape, at::kFloat), after = at::empty(weight.shape, at::kFloat);
    base.read(weight, Dtype::kF32, before.data_ptr());
    merged.read(*merged.find(weight.name), Dtype::kF32, after.data_ptr());
    at::Tensor exact = before.to(at::kDouble);
    const std::string module = "base_model.model." + weight.name.substr(0, weight.name.size() - 7);
    if (const SafeTensor* a = lora.find(module + ".lora_A.weight")) {
      const at::Tensor b = tensor(lora, module + ".lora_B.weight");
      exact = exact + b.to(at::kDouble).mm(read_tensor(*a).to(at::kDouble)) * 2.0;
      ++linears;
    }
    // Rounding delta or sum twice would change every tenth value; a sum next to a boundary may fall to either side.
    const at::Tensor rounded = exact.to(at::kFloat).to(at::kBFloat16).to(at::kFloat);
    EXPECT_LE(after.ne(rounded).sum().item().toLong(), weight.elements() / 1000) << weight.name;
    EXPECT_LE(after.sub(rounded).abs().sub(rounded.abs() * 0x1p-7).max().item().toDouble(), 0) << weight.name;
    bytes += static_cast<std::uint64_t>(weight.elements()) * 2;
  }
  EXPECT_EQ(linears, 14);
  EXPECT_EQ(summary.merged_linears, 14);
  EXPECT_EQ(summary.bytes, bytes);
  EXPECT_EQ(merged.config()["torch_dtype"], "bfloat16");
}

INSTANTIATE_TEST_SUITE_P(All, MergeArch, ::testing::Values("llama", "llama_tied", "llama_rope_llama3", "qwen3"));

TEST(Merge, TheBaseTypeChoosesTheDtype) {
  for (const auto& [arch, dtype, name] :
       {std::tuple{"llama", Dtype::kF32, "float32"}, std::tuple{"llama_tied", Dtype::kBF16, "bfloat16"}}) {
    const TempDir folder;
    write_adapter(folder / "adapter", golden_lora(arch), 4, 8);
    MergeRequest request;
    request.adapter = folder / "adapter";
    request.base = golden(std::string("arch/") + arch);
    request.out = folder / "merged";
    EXPECT_EQ(merge(request).dtype, dtype);
    EXPECT_EQ(ModelDir(request.out).config()["torch_dtype"], name);
  }
}

// A base with a tokenizer of letters whose config holds a chat template, and an adapter trained with another.
class MergeTemplate : public ::testing::Test {
 protected:
  MergeTemplate() {
    std::filesystem::copy(golden("arch/llama"), folder / "base");
    folder.write("base/tokenizer.json", R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
      "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})");
    config = folder.write("base/tokenizer_config.json", R"({"model_max_length": 64, "chat_template": "{{ base }}"})");
    write_adapter(folder / "adapter", golden_lora("llama"), 4, 8);
    request.adapter = folder / "adapter";
    request.base = folder / "base";
    request.out = folder / "merged";
  }
  std::string merged_template() {
    merge(request);
    return load_tokenizer(ModelDir(request.out))->chat_template();
  }

  TempDir folder;
  std::string config;
  MergeRequest request;
};

TEST_F(MergeTemplate, TheAdaptersIsCarried) {
  folder.write("adapter/chat_template.jinja", "{{ adapter }}");
  EXPECT_EQ(merged_template(), "{{ adapter }}");
  EXPECT_EQ(slurp(request.out + "/chat_template.jinja"), "{{ adapter }}");
  const Json merged = read_json_file(request.out + "/tokenizer_config.json");
  EXPECT_EQ(merged, (Json{{"model_max_length", 64}, {"chat_template", "{{ adapter }}"}}));
}

TEST_F(MergeTemplate, TheBasesOwnStaysAsItIs) {
  EXPECT_EQ(merged_template(), "{{ base }}");
  EXPECT_EQ(slurp(request.out + "/tokenizer_config.json"), slurp(config));
  std::filesystem::remove_all(request.out);
  folder.write("adapter/chat_template.jinja", "{{ base }}");
  EXPECT_EQ(merged_template(), "{{ base }}");
  EXPECT_FALSE(std::filesystem::exists(request.out + "/chat_template.jinja"));
}

// Every linear of a 4-bit base was trained against as its codes, those without an adapter too.
TEST(Merge, OntoDequantizedReplacesLinearsWithoutAdapter) {
  const TempDir folder;
  NamedTensors only_q;
  for (const auto& entry : golden_lora("llama"))
    if (entry.first.find("q_proj") != std::string::npos) only_q.push_back(entry);
  write_adapter(folder / "adapter", only_q, 4, 8, {"q_proj"});
  MergeRequest request;
  request.adapter = folder / "adapter";
  request.base = golden("arch/llama");
  request.out = folder / "merged";
  request.onto = MergeOnto::kDequantized;
  EXPECT_EQ(merge(request).merged_linears, 2);

  const ModelDir base(request.base), merged(request.out);
  const auto values = [](const ModelDir& model, const std::string& name) {
    at::Tensor out = at::empty(model.find(name)->shape, at::kFloat);
    model.read(*model.find(name), Dtype::kF32, out.data_ptr());
    return out;
  };
  const std::string down = weight_name(1, Linear::kDown);
  const Device device = cpu();
  const FrozenMatrix codes({quantize_nf4(values(base, down), QuantizationConfig())});
  EXPECT_TRUE(values(merged, down).equal(codes.to_f32(device)));
  EXPECT_TRUE(values(merged, kHeadWeight).equal(values(base, kHeadWeight)));
}

TEST(Merge, ShardsHoldWhatOneFileHolds) {
  const TempDir folder;
  const ModelDir base(golden("arch/llama"));
  const ModelSpec spec = parse_model_spec(base.config(), base.path());
  LoraConfig config;
  config.r = 4;
  const LoraParameters lora(spec, match_lora_targets(spec, config), 4, 2.0, 0, 3);
  const Device device = cpu();
  const MergedWeights weights(base, spec, lora, std::nullopt, device);
  const auto produce = [&](const DeclaredTensor& tensor, const TensorSink& sink) { weights.produce(tensor, sink); };
  for (const auto& [name, limit] : {std::pair{"one", kMaxShardBytes}, std::pair{"many", std::uint64_t{100'000}}}) {
    std::filesystem::create_directory(folder / name);
    write_sharded_safetensors(folder / name, weights.tensors(Dtype::kF32), produce, limit);
    std::ofstream(folder / name + "/config.json") << base.config();
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "one/model.safetensors.index.json"));
  const Json index = read_json_file(folder / "many/model.safetensors.index.json");
  EXPECT_GT(std::distance(std::filesystem::directory_iterator(folder / "many"), {}), 4);
  EXPECT_EQ(index["metadata"]["total_parameters"], 123'712);
  const ModelDir one(folder / "one"), many(folder / "many");
  ASSERT_EQ(many.weights().size(), one.weights().size());
  for (const WeightInfo& weight : one.weights()) {
    ASSERT_NE(many.find(weight.name), nullptr) << weight.name;
    std::vector<float> a(static_cast<std::size_t>(weight.elements())), b(a.size());
    one.read(weight, Dtype::kF32, a.data());
    many.read(*many.find(weight.name), Dtype::kF32, b.data());
    EXPECT_EQ(a, b) << weight.name;
  }
}

class MergeShared : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_SHARED("golden/curves/stories260K");
    request.adapter = shared_path("golden/curves/stories260K/adapter_f32");
    request.base = shared_path("models/stories260K/hf");
    request.out = folder / "merged";
  }
  // Tensors of the merged model against those of the same names in the golden file.
  template <typename Compare>
  void compare(const std::string& file_name, const Compare& compare) const {
    const SafetensorsFile theirs(shared_path("golden/curves/stories260K/" + file_name)),
        ours(request.out + "/model.safetensors");
    EXPECT_EQ(theirs.tensors().size(), 14u);
    for (const SafeTensor& entry : theirs.tensors()) {
      ASSERT_EQ(ours.at(entry.name).dtype, entry.dtype);
      compare(read_tensor(ours.at(entry.name)).to(at::kDouble), read_tensor(entry).to(at::kDouble), entry.name);
    }
  }

  TempDir folder;
  MergeRequest request;
};

TEST_F(MergeShared, OntoDequantizedAgreesWithPeft) {
  request.onto = MergeOnto::kDequantized;
  merge(request);
  compare("merged_f32_into_dequantized_f32.safetensors",
          [](const at::Tensor& ours, const at::Tensor& theirs, const std::string& name) {
            EXPECT_LT(max_difference(ours, theirs), 1e-6) << name;
          });
}

TEST_F(MergeShared, OntoOriginalInBF16AgreesWithPeft) {
  // PEFT merged into the base in bf16.
  const ModelDir stored(request.base);
  NamedTensors rounded;
  for (const WeightInfo& weight : stored.weights()) {
    rounded.emplace_back(weight.name, at::empty(weight.shape, at::kBFloat16));
    stored.read(weight, Dtype::kBF16, rounded.back().second.data_ptr());
  }
  request.base = folder / "bf16";
  std::filesystem::create_directory(request.base);
  write_tensors(request.base + "/model.safetensors", rounded);
  std::ofstream(request.base + "/config.json") << stored.config();
  merge(request);
  std::int64_t differing = 0, all = 0;
  compare("merged_f32_into_original_bf16.safetensors",
          [&](const at::Tensor& ours, const at::Tensor& theirs, const std::string& name) {
            // The f32 sums may lie on two sides of a boundary between bf16 values.
            EXPECT_TRUE((ours - theirs).abs().le(theirs.abs() * 0x1p-7).all().item().toBool()) << name;
            differing += (ours != theirs).sum().item().toLong();
            all += ours.numel();
          });
  EXPECT_LT(static_cast<double>(differing) / static_cast<double>(all), 1e-3);
}

TEST_F(MergeShared, CopiesTheTokenizer) {
  merge(request);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
    EXPECT_EQ(slurp(request.out + "/" + name), slurp(request.base + "/" + name)) << name;
}

}  // namespace
}  // namespace vernier::testing

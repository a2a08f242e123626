// What merging refuses, and that it leaves nothing behind.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "export/export_fixture.h"
#include "export/output_directory.h"

namespace vernier::testing {
namespace {

using ::testing::HasSubstr;

class MergeRefuses : public ::testing::Test {
 protected:
  MergeRefuses() : tensors(golden_lora("llama")) {
    request.adapter = folder / "adapter";
    request.base = golden("arch/llama");
    request.out = folder / "out/merged";
  }
  // The Error of merging `tensors`; nothing may be left under its name or a temporary one.
  Error refusal() {
    write_adapter(request.adapter, tensors, 4, 8, targets);
    if (record) write_record(request.adapter, *record);
    const Error error = error_of([&] { merge(request); });
    EXPECT_TRUE(!std::filesystem::exists(folder / "out") || std::filesystem::is_empty(folder / "out"));
    return error;
  }
  std::size_t index_of(const std::string& part) const {
    for (std::size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].first.find(part) != std::string::npos) return i;
    ADD_FAILURE() << "no tensor " << part;
    return 0;
  }

  TempDir folder;
  NamedTensors tensors;
  PeftAdapterConfig::Names targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  std::optional<QuantizationRecord> record;
  MergeRequest request;
};

TEST_F(MergeRefuses, AMissingTensor) {
  const std::size_t at = index_of("layers.1.mlp.up_proj.lora_B");
  tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(at));
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_THAT(error.message(), HasSubstr("layers.1.mlp.up_proj.lora_B"));
}

TEST_F(MergeRefuses, ATensorOfNoTarget) {
  targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj"};
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_THAT(error.message(), HasSubstr("down_proj"));
}

TEST_F(MergeRefuses, ATargetThatMatchesNothing) {
  targets.push_back("query_key_value");
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_THAT(error.message(), HasSubstr("query_key_value"));
}

TEST_F(MergeRefuses, AWrongShape) {
  at::Tensor& b = tensors[index_of("k_proj.lora_B")].second;
  b = at::ones({b.size(0) * 2, b.size(1)});
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(error.where(), request.adapter + "/adapter_model.safetensors");
  EXPECT_THAT(error.what(), HasSubstr("another base or for other targets: tensor base_model.model.model.layers.0."
                                      "self_attn.k_proj.lora_B.weight has shape [64, 4] where [32, 4] is needed"));
  EXPECT_EQ(error.fix(), "the base here is " + request.base + "; adapter_config.json names no base");
}

TEST_F(MergeRefuses, AnotherRankThanTheConfigs) {
  for (auto& [name, value] : tensors)
    value = name.ends_with("lora_A.weight") ? at::ones({2, value.size(1)}) : at::ones({value.size(0), 2});
  EXPECT_EQ(refusal().kind(), ErrorKind::kInput);
}

TEST_F(MergeRefuses, NoTensors) {
  tensors.clear();
  EXPECT_EQ(refusal().kind(), ErrorKind::kInput);
}

TEST_F(MergeRefuses, AnAdapterThatChangesNothing) {
  for (auto& [name, value] : tensors)
    if (name.ends_with("lora_B.weight")) value = at::zeros_like(value);
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_THAT(error.message(), HasSubstr("changes nothing"));
}

TEST_F(MergeRefuses, NaNInTheAdapter) {
  tensors[index_of("layers.0.mlp.gate_proj.lora_A")].second[1][2] = std::numeric_limits<float>::quiet_NaN();
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kNumeric);
  EXPECT_THAT(error.message(), HasSubstr("layers.0.mlp.gate_proj.lora_A"));
}

TEST_F(MergeRefuses, AMergedWeightThatOverflows) {
  tensors[index_of("layers.1.self_attn.o_proj.lora_A")].second.fill_(3e38);
  tensors[index_of("layers.1.self_attn.o_proj.lora_B")].second.fill_(3e38);
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kNumeric);
  EXPECT_THAT(error.message(), HasSubstr("model.layers.1.self_attn.o_proj.weight"));
}

TEST_F(MergeRefuses, AnotherBaseThanTheRecorded) {
  record.emplace();
  record->base_identity = ModelDir(golden("arch/llama_tied")).identity();
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_THAT(error.message(), HasSubstr("another base"));
}

TEST_F(MergeRefuses, ABaseOfOtherSizes) {
  request.base = golden("arch/qwen3");
  EXPECT_EQ(refusal().kind(), ErrorKind::kInput);
}

TEST_F(MergeRefuses, AnAdapterThatNamesNoBase) {
  request.base.clear();
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_THAT(error.message(), HasSubstr("--base"));
}

TEST_F(MergeRefuses, ADirectoryWithoutAdapter) {
  const Error error = error_of([&] { merge(request); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_THAT(error.message(), HasSubstr("adapter_config.json"));
}

TEST_F(MergeRefuses, AnOutThatHoldsSomething) {
  write_adapter(request.adapter, tensors, 4, 8);
  const std::string kept = folder.write("out/merged/config.json", "kept");
  const Error error = error_of([&] { merge(request); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_THAT(error.message(), HasSubstr("not empty"));
  EXPECT_EQ(slurp(kept), "kept");
}

TEST_F(MergeRefuses, AnOutThatIsAFile) {
  write_adapter(request.adapter, tensors, 4, 8);
  folder.write("out/merged", "kept");
  EXPECT_EQ(error_of([&] { merge(request); }).kind(), ErrorKind::kInput);
  EXPECT_EQ(slurp(request.out), "kept");
}

TEST_F(MergeRefuses, NotAnEmptyOutNorTheRecordedBase) {
  write_adapter(request.adapter, tensors, 4, 8);
  record.emplace();
  record->base_identity = ModelDir(request.base).identity();
  write_record(request.adapter, *record);
  std::filesystem::create_directories(request.out);
  request.out += "/";
  merge(request);
  EXPECT_TRUE(std::filesystem::exists(request.out + "model.safetensors"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "out"), {}), 1);
}

TEST(OutputDirectoryTest, AsksForTheSpaceBeforeItMakesAnything) {
  const TempDir folder;
  OutputDirectory out(folder / "a/b/merged");
  out.require_space(1);
  const Error error = error_of([&] { out.require_space(std::uint64_t{1} << 60); });
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_THAT(error.message(), HasSubstr("1152921504606846976 bytes are needed"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.str()));
}

}  // namespace
}  // namespace vernier::testing

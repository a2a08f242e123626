#include "io/model_dir.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/hash.h"
#include "io/hub_cache.h"
#include "io/safetensors.h"
#include "io/test_files.h"
#include "support/skips.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::raw_all;
using test::TempDir;

using Tensors = std::vector<std::pair<SafetensorsWriter::Declared, std::string>>;

void write_weights(const std::string& path, const Tensors& tensors) {
  fs::create_directories(fs::path(path).parent_path());
  std::vector<SafetensorsWriter::Declared> declared;
  for (const auto& [tensor, bytes] : tensors) declared.push_back(tensor);
  SafetensorsWriter writer(path, declared);
  for (const auto& next : writer.order())
    for (const auto& [tensor, bytes] : tensors)
      if (tensor.name == next.name) writer.write(bytes);
  writer.finish();
}

const Tensors& some_weights() {
  static const Tensors kWeights = {
      {{"f32.weight", Dtype::kF32, {2, 2}}, raw_all<float>({1.0f, 1.00390625f, -3.0f, 65536.0f})},
      {{"f16.weight", Dtype::kF16, {2}}, raw_all<std::uint16_t>({0x3C00, 0x0001})},
      {{"bf16.weight", Dtype::kBF16, {3}}, raw_all<std::uint16_t>({0x3F80, 0x4049, 0xC000})},
      {{"position_ids", Dtype::kI64, {1}}, raw_all<std::int64_t>({7})}};
  return kWeights;
}

void make_model(const TempDir& dir, const std::string& below = "") {
  dir.write(below + "config.json", "{\"model_type\": \"llama\"}");
  write_weights(dir / (below + "model.safetensors"), some_weights());
}

template <typename T>
std::vector<T> read_as(const ModelDir& model, const std::string& name, Dtype as) {
  const WeightInfo* const weight = model.find(name);
  EXPECT_NE(weight, nullptr) << name;
  std::vector<T> values(static_cast<std::size_t>(weight->elements()));
  model.read(*weight, as, values.data());
  return values;
}

TEST(ModelDir, ReadsADirectory) {
  const TempDir dir;
  make_model(dir);
  dir.write("tokenizer.json", "{}");
  dir.write("tokenizer_config.json", "{\"a\":1}");
  const ModelDir model(dir.str());
  EXPECT_EQ(model.name(), dir.str());
  EXPECT_EQ(model.path(), dir.str());
  EXPECT_EQ(model.config()["model_type"], "llama");
  EXPECT_EQ(model.weights().size(), 3u);
  EXPECT_EQ(model.find("position_ids"), nullptr);
  EXPECT_EQ(model.gguf(), nullptr);
  EXPECT_EQ(model.file("tokenizer_config.json"), "{\"a\":1}");
  EXPECT_EQ(model.file("chat_template.jinja"), std::nullopt);
  EXPECT_EQ(model.tokenizer_files(), (std::vector<std::string>{"tokenizer.json", "tokenizer_config.json"}));
}

TEST(ModelDir, ConvertsOnce) {
  const TempDir dir;
  make_model(dir);
  const ModelDir model(dir.str());
  EXPECT_EQ(read_as<float>(model, "f32.weight", Dtype::kF32), (std::vector<float>{1.0f, 1.00390625f, -3.0f, 65536.0f}));
  EXPECT_EQ(read_as<std::uint16_t>(model, "f32.weight", Dtype::kBF16),
            (std::vector<std::uint16_t>{0x3F80, 0x3F80, 0xC040, 0x4780}));
  EXPECT_EQ(read_as<std::uint16_t>(model, "f32.weight", Dtype::kF16),
            (std::vector<std::uint16_t>{0x3C00, 0x3C04, 0xC200, 0x7C00}));
  EXPECT_EQ(read_as<float>(model, "f16.weight", Dtype::kF32), (std::vector<float>{1.0f, 0x1p-24f}));
  EXPECT_EQ(read_as<std::uint16_t>(model, "f16.weight", Dtype::kF16), (std::vector<std::uint16_t>{0x3C00, 0x0001}));
  EXPECT_EQ(read_as<std::uint16_t>(model, "bf16.weight", Dtype::kBF16),
            (std::vector<std::uint16_t>{0x3F80, 0x4049, 0xC000}));
  EXPECT_EQ(read_as<float>(model, "bf16.weight", Dtype::kF32), (std::vector<float>{1.0f, 3.140625f, -2.0f}));
}

// A tensor of several pieces, at an odd offset of the file.
TEST(ModelDir, ReadsLargeTensorsInPieces) {
  const TempDir dir;
  dir.write("config.json", "{}");
  std::vector<float> values(900001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 251);
  const std::string header = "{\"w\":{\"dtype\":\"F32\",\"shape\":[900001],\"data_offsets\":[0,3600004]}}";
  dir.write("model.safetensors",
            test::safetensors_bytes(header + std::string(header.size() % 2 == 0 ? 1 : 0, ' '), raw_all(values)));
  const ModelDir model(dir.str());
  EXPECT_EQ(read_as<float>(model, "w", Dtype::kF32), values);
  const auto halves = read_as<std::uint16_t>(model, "w", Dtype::kBF16);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(bf16_to_f32(halves[i]), values[i]) << i;
}

std::string index_of(const std::string& map) {
  return "{\"metadata\":{\"total_size\":12},\"weight_map\":{" + map + "}}";
}

void make_sharded(const TempDir& dir) {
  dir.write("config.json", "{}");
  write_weights(dir / "model-00001-of-00002.safetensors",
                {{{"a", Dtype::kF32, {1}}, raw_all<float>({1})}, {{"stray", Dtype::kF32, {1}}, raw_all<float>({9})}});
  write_weights(dir / "model-00002-of-00002.safetensors",
                {{{"b", Dtype::kF32, {1}}, raw_all<float>({2})}, {{"a", Dtype::kF32, {1}}, raw_all<float>({8})}});
  dir.write("model.safetensors.index.json",
            index_of("\"b\":\"model-00002-of-00002.safetensors\",\"a\":\"model-00001-of-00002.safetensors\""));
}

TEST(ModelDir, NamesTheFileThatListsTheWeights) {
  const TempDir one, shards;
  make_model(one);
  EXPECT_EQ(ModelDir(one.str()).weight_list(), one / "model.safetensors");
  make_sharded(shards);
  EXPECT_EQ(ModelDir(shards.str()).weight_list(), shards / "model.safetensors.index.json");
  const std::string gguf = one.write("m.gguf", test::tiny_llama().build());
  EXPECT_EQ(ModelDir(gguf).weight_list(), gguf);
}

TEST(ModelDir, ReadsShardsAsTheIndexSays) {
  const TempDir dir;
  make_sharded(dir);
  const ModelDir model(dir.str());
  ASSERT_EQ(model.weights().size(), 2u);
  EXPECT_EQ(model.weights()[0].name, "a");
  EXPECT_EQ(read_as<float>(model, "a", Dtype::kF32), std::vector<float>{1});
  EXPECT_EQ(read_as<float>(model, "b", Dtype::kF32), std::vector<float>{2});
  const std::string identity = model.identity();
  dir.write("model.safetensors.index.json",
            index_of("\"a\":\"model-00001-of-00002.safetensors\",\"b\":\"model-00002-of-00002.safetensors\""));
  EXPECT_NE(ModelDir(dir.str()).identity(), identity);
}

struct Bad {
  const char* title;
  std::function<void(const TempDir&)> damage;
  const char* where;
  const char* what;
  ErrorKind kind = ErrorKind::kInput;
};

// clang-format off
const std::vector<Bad>& bad_directories() {
  static const std::vector<Bad> kBad = {
    {"no config", [](auto& d) { fs::remove(d / "config.json"); }, "", "no config.json"},
    {"config is broken", [](auto& d) { d.write("config.json", "{\n"); }, "config.json:2:1", "unexpected end"},
    {"config is a list", [](auto& d) { d.write("config.json", "[]"); }, "config.json", "not a JSON object"},
    {"no weights", [](auto& d) { for (const char* n : {"model-00001-of-00002.safetensors", "model.safetensors.index.json"}) fs::remove(d / n); }, "", "no weights"},
    {"missing shard", [](auto& d) { fs::remove(d / "model-00002-of-00002.safetensors"); }, "model-00002-of-00002.safetensors", "shard is missing"},
    {"index is broken", [](auto& d) { d.write("model.safetensors.index.json", "{\"weight_map\":}"); }, "model.safetensors.index.json:1:15", "unexpected"},
    {"index is a list", [](auto& d) { d.write("model.safetensors.index.json", "[]"); }, "model.safetensors.index.json", "no \"weight_map\""},
    {"index without map", [](auto& d) { d.write("model.safetensors.index.json", "{}"); }, "model.safetensors.index.json", "no \"weight_map\""},
    {"empty map", [](auto& d) { d.write("model.safetensors.index.json", index_of("")); }, "model.safetensors.index.json", "no \"weight_map\""},
    {"map to a number", [](auto& d) { d.write("model.safetensors.index.json", index_of("\"a\":1")); }, "model.safetensors.index.json", "tensor \"a\" is 1"},
    {"map upwards", [](auto& d) { d.write("model.safetensors.index.json", index_of("\"a\":\"../x\"")); }, "model.safetensors.index.json", "not a file name in the directory"},
    {"map to ..", [](auto& d) { d.write("model.safetensors.index.json", index_of("\"a\":\"..\"")); }, "model.safetensors.index.json", "not a file name in the directory"},
    {"map to the root", [](auto& d) { d.write("model.safetensors.index.json", index_of("\"a\":\"/etc/passwd\"")); }, "model.safetensors.index.json", "not a file name in the directory"},
    {"map below", [](auto& d) { d.write("model.safetensors.index.json", index_of("\"a\":\"sub/x\"")); }, "model.safetensors.index.json", "not a file name in the directory"},
    {"map to nothing", [](auto& d) { d.write("model.safetensors.index.json", index_of("\"a\":\"\"")); }, "model.safetensors.index.json", "not a file name in the directory"},
    {"map twice", [](auto& d) { d.write("model.safetensors.index.json", index_of("\"a\":\"x\",\"a\":\"y\"")); }, "model.safetensors.index.json:1:53", "duplicate key"},
    {"shard lacks a tensor", [](auto& d) { d.write("model.safetensors.index.json", index_of("\"z\":\"model-00001-of-00002.safetensors\"")); }, "model-00001-of-00002.safetensors", "no tensor \"z\"", ErrorKind::kIntegrity},
    {"truncated shard", [](auto& d) { const auto p = d / "model-00002-of-00002.safetensors"; fs::resize_file(p, fs::file_size(p) - 1); }, "model-00002-of-00002.safetensors", "truncated: 1 of 8", ErrorKind::kIntegrity},
    {"shard is a directory", [](auto& d) { fs::remove(d / "model-00002-of-00002.safetensors"); fs::create_directory(d / "model-00002-of-00002.safetensors"); }, "model-00002-of-00002.safetensors", "is a directory"},
    {"bitsandbytes 4-bit", [](auto& d) { write_weights(d / "model.safetensors", {{{"q.weight", Dtype::kU8, {2, 1}}, "xx"}}); }, "model.safetensors", "pre-quantized base is not supported yet: tensor \"q.weight\" of type U8"},
    {"bitsandbytes state", [](auto& d) { write_weights(d / "model.safetensors", {{{"q.weight.absmax", Dtype::kF32, {1}}, "xxxx"}}); }, "model.safetensors", "pre-quantized base is not supported yet: tensor \"q.weight.absmax\""},
    {"bitsandbytes 8-bit", [](auto& d) { write_weights(d / "model.safetensors", {{{"q.SCB", Dtype::kF32, {1}}, "xxxx"}}); }, "model.safetensors", "tensor \"q.SCB\""},
    {"quantization_config", [](auto& d) { d.write("config.json", "{\"quantization_config\":{\"quant_method\":\"fp8\"}}"); }, "config.json", "quant_method \"fp8\""},
    {"no float tensors", [](auto& d) { write_weights(d / "model.safetensors", {{{"ids", Dtype::kI64, {1}}, "xxxxxxxx"}}); }, "", "no F32, F16 or BF16 tensor"},
  };
  return kBad;
}
// clang-format on

TEST(ModelDir, DamagedDirectoriesAreRefused) {
  for (const Bad& bad : bad_directories()) {
    SCOPED_TRACE(bad.title);
    const TempDir dir;
    make_sharded(dir);
    bad.damage(dir);
    const Error error = error_of([&] { ModelDir{dir.str()}; });
    EXPECT_EQ(error.kind(), bad.kind) << error.what();
    EXPECT_EQ(error.where(), *bad.where == '\0' ? dir.str() : dir / bad.where);
    EXPECT_NE(std::string(error.what()).find(bad.what), std::string::npos) << error.what();
  }
}

TEST(ModelDir, SaysWhatElseLiesInTheDirectory) {
  const TempDir dir;
  dir.write("m.gguf", "GGUF");
  EXPECT_NE(error_of([&] { ModelDir{dir.str()}; }).fix().find(dir / "m.gguf"), std::string::npos);
  fs::remove(dir / "m.gguf");
  dir.write("adapter_config.json", "{}");
  EXPECT_NE(error_of([&] { ModelDir{dir.str()}; }).fix().find("adapter"), std::string::npos);
  dir.write("config.json", "{}");
  dir.write("pytorch_model.bin", "");
  EXPECT_NE(error_of([&] { ModelDir{dir.str()}; }).fix().find("pickle"), std::string::npos);
}

TEST(ModelDir, AShardMayNotLinkOutOfTheDirectory) {
  const TempDir dir, elsewhere;
  make_sharded(dir);
  const std::string shard = dir / "model-00001-of-00002.safetensors";
  fs::rename(shard, elsewhere / "real");
  fs::create_symlink(elsewhere / "real", shard);
  const Error error = error_of([&] { ModelDir{dir.str()}; });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(error.where(), shard);
  fs::remove(shard);
  fs::rename(elsewhere / "real", dir / "real");
  fs::create_symlink("real", shard);
  EXPECT_EQ(ModelDir(dir.str()).weights().size(), 2u);
}

TEST(ModelDir, WrongNamesSayWhatWasLookedFor) {
  const TempDir dir;
  ASSERT_EQ(::setenv("HF_HUB_CACHE", (dir / "hub").c_str(), 1), 0);
  const std::string absent = dir / "no/such/model";
  Error error = error_of([&] { ModelDir{absent}; });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(error.where(), absent);
  error = error_of([&] { ModelDir{"./org/name"}; });
  EXPECT_EQ(error.fix(), "");
  error = error_of([&] { ModelDir("org/name.gguf"); });
  EXPECT_EQ(error.fix(), "");
  error = error_of([&] { ModelDir("org/name-1B"); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_NE(std::string(error.what()).find(dir / "hub"), std::string::npos);
  EXPECT_EQ(error.fix(), "download it: hf download org/name-1B");
  error = error_of([&] { ModelDir("org/name", "v2"); });
  EXPECT_EQ(error.fix(), "download it: hf download org/name --revision v2");
  EXPECT_EQ(error_of([&] { ModelDir(""); }).kind(), ErrorKind::kInput);
  error = error_of([&] { ModelDir(dir.write("x/model.safetensors", "")); });
  EXPECT_NE(error.fix().find("directory"), std::string::npos);
  error = error_of([&] { ModelDir(dir.write("notes.txt", "hello")); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  make_model(dir, "m/");
  error = error_of([&] { ModelDir(dir / "m", "main"); });
  EXPECT_NE(std::string(error.what()).find("revision"), std::string::npos);
}

// As huggingface_hub lays it out: blobs, and snapshots of links to them.
void make_cached(const TempDir& dir) {
  const std::string model = "hub/models--org--tiny/", commit = "0123456789abcdef0123456789abcdef01234567";
  make_sharded(dir);
  for (const char* name : {"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
                           "model-00002-of-00002.safetensors"}) {
    dir.write(model + "blobs/b-" + name, test::slurp(dir / name));
    fs::create_directories(dir / (model + "snapshots/" + commit));
    fs::create_symlink(std::string("../../blobs/b-") + name, dir / (model + "snapshots/" + commit + "/" + name));
  }
  dir.write(model + "refs/main", commit);
  dir.write(model + "refs/refs/pr/1", commit + "\n");
}

TEST(ModelDir, FindsAHubIdInTheCache) {
  const TempDir dir;
  make_cached(dir);
  ASSERT_EQ(::setenv("HF_HUB_CACHE", (dir / "hub").c_str(), 1), 0);
  for (const char* revision : {"", "main", "refs/pr/1", "0123456789abcdef0123456789abcdef01234567"}) {
    const ModelDir model("org/tiny", revision);
    EXPECT_EQ(model.name(), "org/tiny");
    EXPECT_EQ(fs::path(model.path()).filename(), "0123456789abcdef0123456789abcdef01234567");
    EXPECT_EQ(read_as<float>(model, "b", Dtype::kF32), std::vector<float>{2});
  }
  for (const char* revision : {"dev", "../main", "refs/../main", "/etc", "fedcba98"})
    EXPECT_EQ(error_of([&] { ModelDir("org/tiny", revision); }).kind(), ErrorKind::kInput) << revision;
}

TEST(HubCache, KnowsIdsAndPlaces) {
  for (const char* id : {"org/name", "gpt2", "HuggingFaceTB/SmolLM2-135M", "a_b/c.d-e"})
    EXPECT_TRUE(is_hub_id(id)) << id;
  for (const char* id : {"", "/", "a/", "/b", "a/b/c", "../b", "a/..", "./a", "a b/c", "~/m", "-a/b"})
    EXPECT_FALSE(is_hub_id(id)) << id;
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) ::unsetenv(name);
  ::setenv("HOME", "/h", 1);
  EXPECT_EQ(hub_cache_directory(), "/h/.cache/huggingface/hub");
  ::setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(hub_cache_directory(), "/x/huggingface/hub");
  ::setenv("HF_HOME", "/f", 1);
  EXPECT_EQ(hub_cache_directory(), "/f/hub");
  ::setenv("HF_HUB_CACHE", "/c", 1);
  EXPECT_EQ(hub_cache_directory(), "/c");
}

TEST(ModelDir, IdentityIsOfTheContent) {
  const TempDir dir, other;
  make_model(dir);
  make_model(other);
  const std::string identity = ModelDir(dir.str()).identity();
  EXPECT_EQ(ModelDir(other.str()).identity(), identity);
  other.write("tokenizer.json", "{}");
  EXPECT_EQ(ModelDir(other.str()).identity(), identity);
  other.write("config.json", "{\"model_type\": \"qwen3\"}");
  EXPECT_NE(ModelDir(other.str()).identity(), identity);
  const std::string config = test::slurp(dir / "config.json"), weights = test::slurp(dir / "model.safetensors");
  const auto part = [](const std::string& name, const std::string& bytes) {
    return name + '\0' + std::to_string(bytes.size()) + '\0' + bytes;
  };
  EXPECT_EQ(identity, sha256_hex(part("config.json", config) + part("model.safetensors", weights)));
}

class SharedModels : public testing::TestWithParam<const char*> {};

TEST_P(SharedModels, AreReadWhole) {
  SKIP_WITHOUT_SHARED(std::string("models/") + GetParam());
  const std::string path = shared_path(std::string("models/") + GetParam() + "/hf");
  const ModelDir model(path);
  EXPECT_EQ(model.config()["model_type"], "llama");
  EXPECT_EQ(model.tokenizer_files(), (std::vector<std::string>{"tokenizer.json", "tokenizer_config.json"}));
  std::size_t bytes = 0;
  for (const WeightInfo& weight : model.weights()) {
    ASSERT_EQ(weight.dtype, Dtype::kF32);
    const auto values = read_as<float>(model, weight.name, Dtype::kF32);
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return std::abs(v) < 100.0f; })) << weight.name;
    bytes += values.size() * sizeof(float);
  }
  EXPECT_EQ(model.find("model.embed_tokens.weight")->shape[0], model.config()["vocab_size"].get<std::int64_t>());
  EXPECT_LT(fs::file_size(path + "/model.safetensors") - bytes, 16384u);
}

INSTANTIATE_TEST_SUITE_P(All, SharedModels, testing::Values("stories260K", "babyllama_tok361"));

}  // namespace
}  // namespace vernier

#include "io/peft_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "io/checkpoint_manifest.h"
#include "io/json.h"
#include "io/test_files.h"

namespace vernier {
namespace {

using test::error_of;
using test::slurp;
using test::TempDir;
using testing::HasSubstr;

const std::string kGolden = VERNIER_SOURCE_DIR "/tests/golden/peft/stories260K_adapter_config.json";

PeftAdapterConfig golden_config() {
  PeftAdapterConfig config;
  config.base_model_name_or_path = "models/stories260K/hf";
  config.r = 8;
  config.lora_alpha = 16;
  config.target_modules =
      PeftAdapterConfig::Names{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  return config;
}

// adapter_config.json of our own writing with some keys set otherwise.
std::string with(const Json& changes) {
  Json json = parse_json(adapter_config_json(golden_config()), "ours");
  for (const auto& [key, value] : changes.items()) json[key] = value;
  return json.dump(2);
}

TEST(PeftFiles, WritesPeftsBytes) {
  Json golden = read_json_file(kGolden);
  // PEFT writes a set in no order of its own.
  std::sort(golden["target_modules"].begin(), golden["target_modules"].end());
  EXPECT_EQ(adapter_config_json(golden_config()), golden.dump(2));
}

TEST(PeftFiles, ReadsWhatPeftWrote) {
  const TempDir dir;
  dir.write(kAdapterConfigName, slurp(kGolden));
  const PeftAdapterConfig config = read_adapter_config(dir.str());
  EXPECT_EQ(config.base_model_name_or_path, "models/stories260K/hf");
  EXPECT_EQ(config.revision, "");
  EXPECT_EQ(config.r, 8);
  EXPECT_EQ(config.lora_alpha, 16);
  EXPECT_EQ(config.lora_dropout, 0);
  EXPECT_FALSE(config.use_rslora);
  EXPECT_EQ(std::get<PeftAdapterConfig::Names>(config.target_modules).size(), 7u);
}

TEST(PeftFiles, RoundTrips) {
  const TempDir dir;
  PeftAdapterConfig config;
  config.base_model_name_or_path = "models/caf\xc3\xa9 \"x\"";
  config.revision = "main";
  config.r = 64;
  config.lora_alpha = 12.5;
  config.lora_dropout = 0.05;
  config.use_rslora = true;
  config.target_modules = R"(.*\.layers\.[0-3]\..*_proj)";
  const std::string text = adapter_config_json(config);
  EXPECT_THAT(text, HasSubstr("\"lora_alpha\": 12.5,"));
  EXPECT_THAT(text, HasSubstr("\"lora_dropout\": 0.05,"));
  EXPECT_THAT(text, HasSubstr("caf\\u00e9"));
  dir.write(kAdapterConfigName, text);
  const PeftAdapterConfig read = read_adapter_config(dir.str());
  EXPECT_EQ(read.base_model_name_or_path, config.base_model_name_or_path);
  EXPECT_EQ(read.revision, "main");
  EXPECT_EQ(read.r, 64);
  EXPECT_EQ(read.lora_alpha, 12.5);
  EXPECT_EQ(read.lora_dropout, 0.05);
  EXPECT_TRUE(read.use_rslora);
  EXPECT_EQ(std::get<PeftAdapterConfig::Regex>(read.target_modules), R"(.*\.layers\.[0-3]\..*_proj)");
  EXPECT_EQ(adapter_config_json(read), text);
}

TEST(PeftFiles, NamesAreSortedAndOnce) {
  PeftAdapterConfig config;
  config.target_modules = PeftAdapterConfig::Names{"v_proj", "q_proj", "v_proj"};
  const Json json = parse_json(adapter_config_json(config), "ours");
  EXPECT_EQ(json["target_modules"], Json::array({"q_proj", "v_proj"}));
  EXPECT_TRUE(json["base_model_name_or_path"].is_null());
  EXPECT_TRUE(json["lora_alpha"].is_number_integer());
}

TEST(PeftFiles, OldAndUnknownKeysAreFine) {
  const TempDir dir;
  dir.write(kAdapterConfigName,
            R"({"peft_type": "LORA", "target_modules": ["q_proj"], "a_new_key": {"x": [1]}, "task_type": null,
                "lora_alpha": 32.0, "runtime_config": {"ephemeral_gpu_offload": false}})");
  const PeftAdapterConfig config = read_adapter_config(dir.str());
  EXPECT_EQ(config.r, 8);
  EXPECT_EQ(config.lora_alpha, 32);
  dir.write(kAdapterConfigName, with({{"init_lora_weights", "gaussian"}, {"modules_to_save", Json::array()}}));
  EXPECT_EQ(read_adapter_config(dir.str()).r, 8);
}

TEST(PeftFiles, RefusesWhatItCannotDoNamingFileAndKey) {
  const std::vector<Json> cases = {
      {{"peft_type", "IA3"}},
      {{"peft_type", nullptr}},
      {{"task_type", "SEQ_CLS"}},
      {{"bias", "all"}},
      {{"use_dora", true}},
      {{"lora_bias", true}},
      {{"modules_to_save", {"lm_head"}}},
      {{"rank_pattern", {{"q_proj", 4}}}},
      {{"alpha_pattern", {{"q_proj", 4}}}},
      {{"layers_to_transform", {0, 1}}},
      {{"layers_to_transform", 0}},
      {{"layers_pattern", "layers"}},
      {{"exclude_modules", {"v_proj"}}},
      {{"trainable_token_indices", {1}}},
      {{"target_parameters", {"experts.w"}}},
      {{"layer_replication", {{0, 2}}}},
      {{"alora_invocation_tokens", {1}}},
      {{"use_qalora", true}},
      {{"use_bdlora", {{"x", 1}}}},
      {{"arrow_config", {{"x", 1}}}},
      {{"kasa_config", {{"x", 1}}}},
      {{"velora_config", {{"x", 1}}}},
      {{"monteclora_config", {{"x", 1}}}},
      {{"megatron_config", {{"x", 1}}}},
      {{"fan_in_fan_out", true}},
      {{"init_lora_weights", "pissa"}},
      {{"init_lora_weights", "pissa_niter_16"}},
      {{"init_lora_weights", "olora"}},
      {{"init_lora_weights", "loftq"}},
      {{"init_lora_weights", "corda"}},
      {{"init_lora_weights", "lora_ga"}},
  };
  const TempDir dir;
  for (const Json& change : cases) {
    dir.write(kAdapterConfigName, with(change));
    const Error error = error_of([&] { read_adapter_config(dir.str()); });
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << change;
    EXPECT_EQ(error.where(), dir / kAdapterConfigName);
    EXPECT_THAT(error.what(), testing::StartsWith(change.begin().key() + ": ")) << change;
  }
}

TEST(PeftFiles, RefusesValuesThatMakeNoSense) {
  const std::vector<Json> cases = {
      {{"r", 0}},
      {{"r", -1}},
      {{"r", "8"}},
      {{"r", 8.5}},
      {{"r", true}},
      {{"r", 9223372036854775807}},
      {{"r", 18446744073709551615u}},
      {{"lora_alpha", "16"}},
      {{"lora_alpha", 0}},
      {{"lora_dropout", 1.5}},
      {{"lora_dropout", -0.1}},
      {{"use_rslora", "yes"}},
      {{"target_modules", nullptr}},
      {{"target_modules", Json::array()}},
      {{"target_modules", ""}},
      {{"target_modules", {1, 2}}},
      {{"target_modules", 3}},
      {{"base_model_name_or_path", 5}},
  };
  const TempDir dir;
  for (const Json& change : cases) {
    dir.write(kAdapterConfigName, with(change));
    const Error error = error_of([&] { read_adapter_config(dir.str()); });
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << change;
    EXPECT_EQ(error.where(), dir / kAdapterConfigName);
    EXPECT_THAT(error.what(), testing::StartsWith(change.begin().key() + ": ")) << change;
  }
}

TEST(PeftFiles, AbsentAndBrokenFilesAreNamed) {
  const TempDir dir;
  EXPECT_EQ(error_of([&] { read_adapter_config(dir.str()); }).where(), dir / kAdapterConfigName);
  for (const char* text : {"", "{", "[]", "7", "\"LORA\""}) {
    dir.write(kAdapterConfigName, text);
    const Error error = error_of([&] { read_adapter_config(dir.str()); });
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << text;
    EXPECT_THAT(error.where(), testing::StartsWith(dir / kAdapterConfigName)) << text;
  }
}

TEST(PeftFiles, ANameThatIsNotUtf8IsAnError) {
  PeftAdapterConfig config = golden_config();
  config.base_model_name_or_path = "models/\xff";
  EXPECT_EQ(error_of([&] { adapter_config_json(config); }).kind(), ErrorKind::kInput);
}

TEST(PeftFiles, TheBaseIsNamedWithItsRevision) {
  const TempDir dir;
  dir.write(kAdapterConfigName, with({{"base_model_name_or_path", "org/name"}, {"revision", "v1"}}));
  EXPECT_EQ(read_adapter_base(dir.str()).name, "org/name");
  EXPECT_EQ(read_adapter_base(dir.str()).revision, "v1");
  // A local path has none, although PEFT may write one beside it.
  dir.write(kAdapterConfigName, with({{"base_model_name_or_path", dir.str()}, {"revision", "main"}}));
  EXPECT_EQ(read_adapter_base(dir.str()).revision, "");
  dir.write(kAdapterConfigName, with({{"base_model_name_or_path", nullptr}}));
  const Error error = error_of([&] { read_adapter_base(dir.str()); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(error.where(), dir / kAdapterConfigName);
}

TEST(PeftFiles, TheTemplateBesideAnAdapter) {
  const TempDir dir;
  EXPECT_EQ(read_adapter_template_file(dir.str()), std::nullopt);
  dir.write(kAdapterTemplateName, "{{ messages }}\n");
  EXPECT_EQ(read_adapter_template_file(dir.str()), "{{ messages }}\n");
}

TEST(QuantizationRecord, RoundTrips) {
  const TempDir dir;
  const QuantizationRecord record{true, "nf4", 128, true, "bf16", std::string(64, 'a'), std::string(64, 'b'), "0.1.0"};
  dir.write(kQuantizationRecordName, quantization_record_json(record));
  const auto read = read_quantization_record(dir.str());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->load_in_4bit);
  EXPECT_EQ(read->quant_type, "nf4");
  EXPECT_EQ(read->blocksize, 128);
  EXPECT_TRUE(read->double_quant);
  EXPECT_EQ(read->compute_dtype, "bf16");
  EXPECT_EQ(read->base_identity, std::string(64, 'a'));
  EXPECT_EQ(read->chat_template_sha256, std::string(64, 'b'));
  EXPECT_EQ(read->vernier_version, "0.1.0");

  dir.write(kQuantizationRecordName, quantization_record_json(QuantizationRecord{}));
  EXPECT_FALSE(read_quantization_record(dir.str())->load_in_4bit);
  EXPECT_EQ(read_quantization_record(dir.str())->chat_template_sha256, "");
}

TEST(QuantizationRecord, AbsentIsNoneAndBrokenIsAnError) {
  const TempDir dir;
  EXPECT_FALSE(read_quantization_record(dir.str()));
  EXPECT_FALSE(read_quantization_record(dir / "absent"));
  for (const char* text :
       {"", "[]", "{}", R"({"format": 2, "load_in_4bit": true})", R"({"format": 1})",
        R"({"format": 1, "load_in_4bit": 1})", R"({"format": 1, "load_in_4bit": true, "bnb_4bit_quant_type": "fp4"})",
        R"({"format": 1, "load_in_4bit": true, "bnb_4bit_blocksize": 0})"}) {
    dir.write(kQuantizationRecordName, text);
    const Error error = error_of([&] { read_quantization_record(dir.str()); });
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << text;
    EXPECT_THAT(error.where(), testing::StartsWith(dir / kQuantizationRecordName)) << text;
  }
  std::filesystem::remove(dir / kQuantizationRecordName);
  std::filesystem::create_symlink(dir / "nowhere", dir / kQuantizationRecordName);
  EXPECT_EQ(error_of([&] { read_quantization_record(dir.str()); }).kind(), ErrorKind::kInput);
}

// An adapter directory with the small files, something for weights, a file that is no adapter's, and a manifest.
void write_guarded_adapter(const TempDir& dir) {
  dir.write(kAdapterConfigName, adapter_config_json(golden_config()));
  dir.write(kQuantizationRecordName, quantization_record_json({}));
  dir.write(kAdapterTemplateName, "{{ messages }}");
  dir.write(kAdapterWeightsName, std::string(5000, 'w'));
  dir.write("optimizer.safetensors", std::string(3000, 'o'));
  CheckpointManifest manifest{7, {}};
  for (const char* name : {kAdapterConfigName, kQuantizationRecordName, kAdapterTemplateName, kAdapterWeightsName,
                           "optimizer.safetensors"})
    manifest.files.push_back(sum_file(dir / name, name, local_file_system()));
  dir.write(kManifestName, manifest_text(manifest));
}

void read_all(const std::string& dir) {
  read_adapter_config(dir);
  read_quantization_record(dir);
  read_adapter_template_file(dir);
  verified_adapter_file(dir, kAdapterWeightsName);
}

TEST(PeftFiles, AFileThatIsNotWhatTheManifestSaysIsRefused) {
  const TempDir dir;
  write_guarded_adapter(dir);
  EXPECT_NO_THROW(read_all(dir.str()));
  for (const char* name :
       {kAdapterConfigName, kQuantizationRecordName, kAdapterTemplateName, kAdapterWeightsName, kManifestName}) {
    const std::string good = slurp(dir / name);
    for (std::size_t bit = 0; bit<8 * good.size(); bit += good.size()> 1000 ? 997 : 61) {
      std::string damaged = good;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      dir.write(name, damaged);
      const Error error = error_of([&] { read_all(dir.str()); });
      ASSERT_EQ(error.kind(), ErrorKind::kIntegrity) << name << " bit " << bit;
      EXPECT_THAT(error.where(), HasSubstr(dir / name));
      EXPECT_THAT(error.fix(), HasSubstr("remove manifest.json"));
    }
    dir.write(name, good);
  }
  std::filesystem::remove(dir / kAdapterTemplateName);
  EXPECT_EQ(error_of([&] { read_all(dir.str()); }).kind(), ErrorKind::kIntegrity) << "a file that is gone";
}

TEST(PeftFiles, OnlyTheAdaptersOwnFilesAreLookedAt) {
  const TempDir dir;
  write_guarded_adapter(dir);
  std::filesystem::remove(dir / "optimizer.safetensors");
  EXPECT_NO_THROW(read_all(dir.str()));
  // Without a manifest an adapter is what it is.
  dir.write(kAdapterWeightsName, "other");
  std::filesystem::remove(dir / kManifestName);
  EXPECT_NO_THROW(read_all(dir.str()));
}

}  // namespace
}  // namespace vernier

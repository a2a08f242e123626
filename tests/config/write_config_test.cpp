#include "config/write_config.h"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "config/keys.h"
#include "config/reference.h"
#include "config_test_util.h"

namespace vernier {
namespace {

using testing::HasSubstr;

// A value that is not the default, for every key that can have one.
const std::map<std::string, std::string>& other_values() {
  static const std::map<std::string, std::string> values = {
      {"base_model", "\"models/a b: #1\""},
      {"revision_of_model", "v1.0"},
      {"adapter", "lora"},
      {"load_in_4bit", "false"},
      {"bnb_4bit_use_double_quant", "false"},
      {"bnb_4bit_blocksize", "128"},
      {"lora_r", "7"},
      {"lora_alpha", "12.345678901234567"},
      {"lora_dropout", "0.1"},
      {"use_rslora", "true"},
      {"lora_target_modules", "\".*\\\\.(q|v)_proj\""},
      {"lora_model_dir", "\"no\""},
      {"datasets",
       "[{path: a, type: alpaca}, {path: b c, type: completion, field: 'yes'}, {path: d, type: chat_template, "
       "field_messages: m, message_property_mappings: {role: from, content: value}}]"},
      {"test_datasets", "[{path: t}]"},
      {"val_set_size", "0.25"},
      {"chat_template", "my template.jinja"},
      {"train_on_inputs", "true"},
      {"sequence_len", "77"},
      {"excess_length_strategy", "truncate"},
      {"on_empty_targets", "drop"},
      {"micro_batch_size", "3"},
      {"gradient_accumulation_steps", "5"},
      {"shuffle", "false"},
      {"learning_rate", "0.1234567890123456789"},
      {"lr_scheduler", "constant_with_warmup"},
      {"warmup_steps", "11"},
      {"warmup_ratio", "0.07"},
      {"weight_decay", "1e-300"},
      {"adam_beta1", "0.8"},
      {"adam_beta2", "0.95"},
      {"adam_epsilon", "1e-7"},
      {"max_grad_norm", "0"},
      {"num_epochs", "2.5"},
      {"max_steps", "9"},
      {"max_time", "1h30m"},
      {"eval_strategy", "no"},
      {"eval_steps", "13"},
      {"evals_per_epoch", "2"},
      {"early_stopping_patience", "3"},
      {"early_stopping_threshold", "0.01"},
      {"load_best_model_at_end", "true"},
      {"metrics", "[exact_json]"},
      {"output_dir", "\"-out\\tdir\""},
      {"overwrite_output_dir", "true"},
      {"resume_from_checkpoint", "\"true\""},
      {"save_strategy", "no"},
      {"save_steps", "14"},
      {"saves_per_epoch", "3"},
      {"save_minutes", "2.5"},
      {"save_total_limit", "0"},
      {"on_save_error", "continue"},
      {"loss_watchdog_threshold", "5"},
      {"loss_watchdog_patience", "4"},
      {"logging_steps", "4"},
      {"device", "cpu"},
      {"bf16", "true"},
      {"gradient_checkpointing", "false"},
      {"max_memory", "1.5GiB"},
      {"optimizer", "paged_lion_8bit"},
      {"optimizer_memory", "3MiB"},
      {"paging_dir", "/p"},
      {"kernels", "avx2"},
      {"threads", "6"},
      {"seed", "123456789012345"}};
  return values;
}

// Keys whose one value in this build is the default.
const std::set<std::string> kOneValue = {"bnb_4bit_quant_type", "roles_to_train", "train_on_eos",
                                         "sample_packing",      "report_to",      "metric_for_best_model",
                                         "greater_is_better"};

Config without_places(Config config) {
  for (DatasetConfig& entry : config.data.datasets) entry.where.clear();
  for (DatasetConfig& entry : config.data.test_datasets) entry.where.clear();
  return config;
}

std::string smallest_without(const std::string& name) {
  const bool by_evaluation = name == "early_stopping_patience" || name == "load_best_model_at_end";
  std::string text = by_evaluation ? "val_set_size: 2\n" : "";
  const std::map<std::string, std::string> required = {
      {"base_model", "m"}, {"datasets", "[{path: data/rows.jsonl}]"}, {"output_dir", "o"}};
  for (const auto& [key, value] : required)
    if (key != name) text += key + ": " + value + "\n";
  return text;
}

TEST(WriteConfig, EveryKeyReadsBack) {
  for (const Key& key : keys()) {
    if (kOneValue.count(key.name)) continue;
    ASSERT_EQ(other_values().count(key.name), 1u) << "no value for the key " << key.name << " in this test";
    const LoadedConfig loaded =
        read_text(smallest_without(key.name) + key.name + ": " + other_values().at(key.name) + "\n");
    EXPECT_NE(key.write(loaded.config), key.write(Config{})) << key.name;
    const std::string written = write_config(loaded);
    const LoadedConfig back = read_config_text(written, "config.resolved.yaml");
    EXPECT_EQ(without_places(back.config), without_places(loaded.config)) << key.name << "\n" << written;
  }
}

TEST(WriteConfig, EveryValueSaysWhereItCameFrom) {
  const std::string text = write_config(read_with("lora_rank: 8\n", {"--learning-rate=1e-5"}));
  EXPECT_THAT(text, HasSubstr("\nlora_r: 8  # run.yaml:5\n"));
  EXPECT_THAT(text, HasSubstr("\nlora_alpha: 16  # default: 2 * lora_r\n"));
  EXPECT_THAT(text, HasSubstr("\nlearning_rate: 1.0e-05  # command line\n"));
  EXPECT_THAT(text, HasSubstr("\nmax_steps:  # default\n"));
  EXPECT_THAT(text, HasSubstr("\ndatasets:  # run.yaml:2\n  - path: data/rows.jsonl\n    type: tokenized\n"));
  for (const Key& key : keys()) EXPECT_THAT(text, HasSubstr("\n" + key.name + ":")) << key.name;
}

TEST(WriteConfig, AFileNameCannotLeaveItsComment) {
  const LoadedConfig loaded = read_config_text(kBase, "a\nseed: 5\n.yaml");
  EXPECT_EQ(read_config_text(write_config(loaded), "r.yaml").config.seed, 42u);
}

TEST(Reference, DocumentIsWhatTheListSays) {
  std::ifstream in(VERNIER_SOURCE_DIR "/docs/config.md", std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_TRUE(text.str() == config_reference_markdown())
      << "docs/config.md is out of date: run build/<preset>/vernier config-reference > docs/config.md";
}

TEST(Reference, EveryKeyHasHelp) {
  const auto help = key_help();
  ASSERT_EQ(help.size(), keys().size());
  for (const KeyHelp& key : help) {
    EXPECT_FALSE(key.help.empty()) << key.name;
    EXPECT_FALSE(key.values.empty()) << key.name;
    EXPECT_FALSE(key.default_text.empty()) << key.name;
    EXPECT_TRUE(key.help.back() == '.') << key.name;
  }
}

}  // namespace
}  // namespace vernier

#include <gmock/gmock.h>

#include <variant>

#include "config_test_util.h"

namespace vernier {
namespace {

using testing::HasSubstr;

TEST(Overrides, ReplaceTheFileUnderAnySpelling) {
  EXPECT_EQ(read_with("learning_rate: 1e-3\n", {"learning_rate=1e-4"}).config.optimizer.learning_rate, 1e-4);
  EXPECT_EQ(read_with("learning_rate: 1e-3\n", {"--learning-rate=1e-4"}).config.optimizer.learning_rate, 1e-4);
  EXPECT_EQ(read_with("learning_rate: 1e-3\n", {"--learning_rate=1e-4"}).config.optimizer.learning_rate, 1e-4);
  EXPECT_EQ(read_with("lora_rank: 4\n", {"lora_r=8"}).config.lora.r, 8);
  EXPECT_EQ(read_with("lora_r: 4\n", {"--lora-rank=8", "r=9"}).config.lora.r, 9);
  EXPECT_EQ(read_with("bnb_4bit_compute_dtype: bfloat16\n", {"bf16=false"}).config.device.compute, Compute::kF32);
  EXPECT_EQ(read_with("gradient_checkpointing: true\n", {"disable_gradient_checkpointing=true"})
                .config.train.gradient_checkpointing,
            Checkpointing::kOff);
}

TEST(Overrides, FlagsAndEmptyValues) {
  EXPECT_TRUE(read_with("", {"--overwrite-output-dir"}).config.train.overwrite_output_dir);
  EXPECT_EQ(read_with("max_steps: 5\n", {"max_steps="}).config.train.max_steps, std::nullopt);
  EXPECT_EQ(read_with("max_steps: 5\n", {"max_steps=null"}).config.train.max_steps, std::nullopt);
  EXPECT_THAT(refusal_with("", {"--learning-rate"}), HasSubstr("a value is missing"));
  EXPECT_THAT(refusal_with("", {"learning_rate"}), HasSubstr("write learning_rate=VALUE"));
  EXPECT_THAT(refusal_with("", {"--lerning-rate"}), HasSubstr("did you mean learning_rate?"));
  EXPECT_THAT(refusal_with("", {"=3"}), HasSubstr("a key is missing"));
  EXPECT_THAT(refusal_with("", {"seed=1\nx: 2"}), HasSubstr("one line"));
}

TEST(Overrides, ProblemsNameTheCommandLine) {
  EXPECT_THAT(refusal_with("", {"lora_r=0"}), HasSubstr("command line (lora_r=0): lora_r: \"0\" is not"));
  EXPECT_THAT(refusal_with("", {"--lerning-rate=1"}), HasSubstr("did you mean learning_rate?"));
  EXPECT_THAT(refusal_with("", {"deepspeed=x.json"}), HasSubstr("several processes"));
}

TEST(Overrides, ListsAreYamlAndTextsAreThemselves) {
  const auto names = read_with("", {"lora_target_modules=[q_proj, v_proj]"}).config.lora.target_modules;
  EXPECT_EQ(std::get<LoraConfig::Names>(names), (LoraConfig::Names{"q_proj", "v_proj"}));
  EXPECT_EQ(read_with("", {"output_dir=runs/a: b #1"}).config.train.output_dir, "runs/a: b #1");
  EXPECT_EQ(read_with("", {"output_dir=[x]"}).config.train.output_dir, "[x]");
  const auto entries = read_with("", {"datasets=[{path: a, type: alpaca}, {path: b}]"}).config.data.datasets;
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].type, DatasetType::kAlpaca);
  EXPECT_THAT(refusal_with("", {"datasets=[{path: a"}), HasSubstr("not a YAML list or map"));
  EXPECT_THAT(refusal_with("", {"datasets=[{pth: a}]"}), HasSubstr("command line (datasets=[{pth: a}]): unknown key"));
}

TEST(Overrides, PathsIntoLists) {
  EXPECT_EQ(read_with("", {"datasets.0.path=other.jsonl"}).config.data.datasets[0].path, "other.jsonl");
  const auto entries = read_with("", {"datasets.1.path=b", "--datasets.1.type=chat_template",
                                      "datasets.1.message_property_mappings.role=from"})
                           .config.data.datasets;
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].path, "b");
  EXPECT_EQ(entries[1].type, DatasetType::kChatTemplate);
  EXPECT_EQ(entries[1].property_role, "from");
  EXPECT_EQ(read_with("", {"test_datasets.0.path=t"}).config.data.test_datasets[0].path, "t");
  EXPECT_THAT(refusal_with("", {"datasets.5.path=b"}), HasSubstr("is nowhere in the config"));
  EXPECT_THAT(refusal_with("", {"datasets.x.path=b"}), HasSubstr("is nowhere in the config"));
  EXPECT_THAT(refusal_with("", {"datasets.0.pth=b"}), HasSubstr("did you mean path?"));
  EXPECT_THAT(refusal_with("", {"lora_r.0=b"}), HasSubstr("lora_r: a list is not a whole number"));
  EXPECT_THAT(refusal_with("lora_r: 3\n", {"lora_r.x=b"}), HasSubstr("is nowhere in the config"));
  EXPECT_THAT(refusal_with("", {"datasets.99999999999999999999.path=b"}), HasSubstr("nowhere"));
}

TEST(Overrides, TheCommandLineWinsOverWhatItExcludes) {
  const LoadedConfig warmup = read_with("warmup_ratio: 0.1\n", {"warmup_steps=10"});
  EXPECT_EQ(warmup.config.optimizer.warmup_steps, 10);
  EXPECT_EQ(warmup.config.optimizer.warmup_ratio, std::nullopt);
  EXPECT_TRUE(has_note(warmup, "run.yaml:5:1: warmup_ratio is replaced by warmup_steps on the command line"));
  const LoadedConfig lora = read_with("load_in_4bit: true\n", {"adapter=lora"});
  EXPECT_FALSE(lora.config.quantization.load_in_4bit);
  const LoadedConfig save = read_with("save_steps: 10\n", {"save_strategy=no"});
  EXPECT_EQ(save.config.train.save_strategy, SaveStrategy::kNo);
  EXPECT_EQ(save.config.train.save_steps, std::nullopt);
  EXPECT_THAT(refusal_with("", {"warmup_ratio=0.1", "warmup_steps=10"}), HasSubstr("contradicts"));
}

}  // namespace
}  // namespace vernier

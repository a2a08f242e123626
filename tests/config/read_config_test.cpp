#include "config/read_config.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <variant>

#include "base/hash.h"
#include "base/text.h"
#include "config_test_util.h"

namespace vernier {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(ReadConfig, DefaultsOfTheSmallestFile) {
  const LoadedConfig loaded = read_text(kBase);
  Config expected;
  expected.model.base_model = "models/tiny";
  expected.data.datasets = {DatasetConfig{}};
  expected.data.datasets[0].path = "data/rows.jsonl";
  expected.data.datasets[0].where = "run.yaml:3:5";
  expected.train.output_dir = "runs/x";
  EXPECT_EQ(loaded.config, expected);
  EXPECT_EQ(loaded.config.lora.alpha, 32);
  EXPECT_TRUE(loaded.notes.empty());
}

TEST(ReadConfig, AllProblemsAtOnceInTheirOrder) {
  const std::string message = refusal(
      "base_model: m\n"
      "lerning_rate: 1e-4\n"
      "lora_r: 0\n"
      "lora_dropout: 1\n"
      "bf16: maybe\n"
      "output_dir: out\n");
  EXPECT_THAT(message, HasSubstr("run.yaml:2:1: unknown key \"lerning_rate\"\n  did you mean learning_rate?"));
  EXPECT_THAT(message, HasSubstr("run.yaml:3:9: lora_r: \"0\" is not a whole number from 1 to 65536"));
  EXPECT_THAT(message, HasSubstr("run.yaml:4:15: lora_dropout: \"1\" is not a number from 0, below 1"));
  EXPECT_THAT(message, HasSubstr("run.yaml:5:7: bf16: \"maybe\" is not one of: auto, true, false"));
  EXPECT_THAT(message, HasSubstr("run.yaml: datasets is missing"));
  EXPECT_LT(message.find(":2:1:"), message.find(":3:9:"));
  EXPECT_LT(message.find(":5:7:"), message.find("datasets is missing"));
}

TEST(ReadConfig, RequiredKeysDependOnThePurpose) {
  EXPECT_THAT(refusal(""), AllOf(HasSubstr("base_model is missing"), HasSubstr("datasets is missing"),
                                 HasSubstr("output_dir is missing")));
  EXPECT_THAT(refusal("base_model:\noutput_dir: ''\n"), HasSubstr("base_model is missing"));
  const std::string tests = "base_model: m\ntest_datasets: [{path: t.jsonl}]\n";
  EXPECT_EQ(read_text(tests, {}, Purpose::kEvaluate).config.data.test_datasets.size(), 1u);
  EXPECT_THAT(refusal("base_model: m\n", {}, Purpose::kEvaluate), HasSubstr("datasets or test_datasets is missing"));
  EXPECT_EQ(read_text("base_model: m\noutput_dir: o\n", {}, Purpose::kMerge).config.train.output_dir, "o");
  EXPECT_THAT(refusal("- a\n- b\n"), HasSubstr("run.yaml:1:1: a config file is a list of"));
}

TEST(ReadConfig, NearestKeyAndWhoseItIs) {
  EXPECT_THAT(refusal_with("lora_rnk: 8\n"), HasSubstr("did you mean lora_rank (LLaMA-Factory's spelling of lora_r)?"));
  EXPECT_THAT(refusal_with("deepsped: x\n"), HasSubstr("did you mean deepspeed (of Axolotl"));
  EXPECT_THAT(refusal_with("quantization_bits: 4\n"), HasSubstr("LLaMA-Factory's way to set load_in_4bit"));
  EXPECT_THAT(refusal_with("zzzzzzzzzzzzzzz: 4\n"), HasSubstr("docs/config.md lists the keys"));
  EXPECT_THAT(refusal_with("zzzzzzzzzzzzzzz:\n"), HasSubstr("unknown key"));
}

TEST(ReadConfig, AliasAndCanonicalTogetherNameBothLines) {
  EXPECT_THAT(refusal_with("lora_r: 8\nlora_rank: 8\n"),
              HasSubstr("run.yaml:6:1: lora_rank sets lora_r, which lora_r (run.yaml:5) has set"));
  EXPECT_THAT(refusal_with("cutoff_len: 8\nmax_length: 8\n"), HasSubstr("which cutoff_len (run.yaml:5) has set"));
  EXPECT_EQ(refusal_with("lora_r: 8\nlora_r: 16\n"),
            "run.yaml:6:1: \"lora_r\" is given twice, first in line 5\n  keep one of the two");
  EXPECT_EQ(refusal_with("bnb_4bit_blocksize: 32\nbnb_config_kwargs: {bnb_4bit_blocksize: 64}\n"),
            "run.yaml:6:21: \"bnb_4bit_blocksize\" is given twice (run.yaml:5)\n  keep one of the two");
  EXPECT_THAT(refusal_with("load_in_4bit: true\nquantization_bit: 4\n"), HasSubstr("run.yaml:6:1"));
  const LoadedConfig loaded = read_with("lora_r:\nlora_rank: 8\n");
  EXPECT_EQ(loaded.config.lora.r, 8);
  EXPECT_TRUE(has_note(loaded, "run.yaml:6:1: lora_rank is read as lora_r"));
}

TEST(ReadConfig, ValuesAreReadByTheirKeysType) {
  EXPECT_EQ(read_with("learning_rate: 1e-4\n").config.optimizer.learning_rate, 1e-4);
  EXPECT_EQ(read_with("learning_rate: '2E-4'\n").config.optimizer.learning_rate, 2e-4);
  EXPECT_EQ(read_with("num_epochs: 3\n").config.train.num_epochs, 3);
  EXPECT_EQ(read_with("micro_batch_size: 4.0\n").config.batch.micro_batch_size, 4);
  EXPECT_EQ(read_with("max_steps: 1e3\n").config.train.max_steps, 1000);
  EXPECT_EQ(read_with("max_steps: -1\n").config.train.max_steps, std::nullopt);
  EXPECT_EQ(read_with("seed: 9223372036854775807\n").config.seed, 9223372036854775807u);
}

TEST(ReadConfig, StrategiesAreWords) {
  for (const char* text : {"no", "\"no\"", "'no'", "No", "false", "off"}) {
    const LoadedConfig loaded = read_with(str("save_strategy: ", text, "\neval_strategy: ", text, "\n"));
    EXPECT_EQ(loaded.config.train.save_strategy, SaveStrategy::kNo) << text;
    EXPECT_EQ(loaded.config.train.eval_strategy, SaveStrategy::kNo) << text;
  }
  EXPECT_THAT(refusal_with("save_strategy: yes\n"), HasSubstr("run.yaml:5:16"));
  EXPECT_THAT(refusal_with("save_strategy: best\n"),
              HasSubstr("run.yaml:5:1: save_strategy goes by the evaluation loss, and there is no evaluation data"));
  EXPECT_EQ(read_with("save_strategy: best\nval_set_size: 5\n").config.train.save_strategy, SaveStrategy::kBest);
  EXPECT_THAT(refusal_with("eval_strategy: best\n"), HasSubstr("run.yaml:5:16"));
  EXPECT_EQ(read_with("save_steps: 10\n").config.train.save_strategy, SaveStrategy::kSteps);
  EXPECT_EQ(read_with("saves_per_epoch: 2\n").config.train.save_strategy, SaveStrategy::kSteps);
  EXPECT_EQ(read_with("eval_steps: 10\n").config.train.eval_strategy, SaveStrategy::kSteps);
  EXPECT_EQ(read_with("").config.train.save_strategy, SaveStrategy::kEpoch);
  EXPECT_THAT(refusal_with("save_strategy: steps\n"), HasSubstr("set save_steps or saves_per_epoch"));
  EXPECT_THAT(refusal_with("save_steps: 5\nsave_strategy: epoch\n"),
              HasSubstr("run.yaml:6:1: save_strategy contradicts save_steps (run.yaml:5)"));
}

TEST(ReadConfig, PairsThatExcludeEachOther) {
  EXPECT_THAT(refusal_with("warmup_steps: 10\nwarmup_ratio: 0.1\n"),
              HasSubstr("run.yaml:6:1: warmup_ratio contradicts warmup_steps (run.yaml:5)"));
  EXPECT_THAT(refusal_with("save_steps: 10\nsaves_per_epoch: 1\n"), HasSubstr("contradicts"));
  EXPECT_THAT(refusal_with("eval_steps: 10\nevals_per_epoch: 1\n"), HasSubstr("contradicts"));
  EXPECT_THAT(refusal_with("val_set_size: 0.1\ntest_datasets: [{path: t}]\n"), HasSubstr("contradicts"));
  EXPECT_EQ(read_with("val_set_size: 0.0\ntest_datasets: [{path: t}]\n").config.data.test_datasets.size(), 1u);
  EXPECT_THAT(refusal_with("overwrite_output_dir: true\nresume_from_checkpoint: true\n"), HasSubstr("contradicts"));
  EXPECT_EQ(read_with("warmup_steps: 10\nwarmup_ratio:\n").config.optimizer.warmup_steps, 10);
}

TEST(ReadConfig, AdapterAndQuantizationFollowEachOther) {
  const auto pair = [](const std::string& lines) {
    const Config config = read_with(lines).config;
    return std::make_pair(config.adapter, config.quantization.load_in_4bit);
  };
  EXPECT_EQ(pair(""), std::make_pair(Adapter::kQlora, true));
  EXPECT_EQ(pair("adapter: qlora\n"), std::make_pair(Adapter::kQlora, true));
  EXPECT_EQ(pair("adapter: lora\n"), std::make_pair(Adapter::kLora, false));
  EXPECT_EQ(pair("load_in_4bit: true\n"), std::make_pair(Adapter::kQlora, true));
  EXPECT_EQ(pair("load_in_4bit: false\n"), std::make_pair(Adapter::kLora, false));
  EXPECT_EQ(pair("finetuning_type: lora\nquantization_bit: 4\n"), std::make_pair(Adapter::kQlora, true));
  EXPECT_THAT(refusal_with("adapter: qlora\nload_in_4bit: false\n"),
              HasSubstr("run.yaml:6:1: load_in_4bit contradicts adapter (run.yaml:5)"));
  EXPECT_THAT(refusal_with("load_in_4bit: true\nadapter: lora\n"), HasSubstr("contradicts"));
  EXPECT_TRUE(has_note(read_with("adapter: lora\nbnb_4bit_quant_type: nf4\n"), "the base is not quantized"));
}

TEST(ReadConfig, ComputeTypeAndBf16) {
  EXPECT_EQ(read_with("bnb_4bit_compute_dtype: bfloat16\n").config.device.compute, Compute::kBF16);
  EXPECT_EQ(read_with("bnb_4bit_compute_dtype: float32\n").config.device.compute, Compute::kF32);
  EXPECT_EQ(read_with("bnb_config_kwargs: {bnb_4bit_compute_dtype: torch.float32}\n").config.device.compute,
            Compute::kF32);
  EXPECT_EQ(read_with("bf16: true\nbnb_4bit_compute_dtype: bf16\n").config.device.compute, Compute::kBF16);
  EXPECT_EQ(read_with("bf16: auto\nbnb_4bit_compute_dtype: fp32\n").config.device.compute, Compute::kF32);
  EXPECT_THAT(refusal_with("bf16: true\nbnb_4bit_compute_dtype: float32\n"), HasSubstr("run.yaml:6:1"));
  EXPECT_THAT(refusal_with("bnb_4bit_compute_dtype: float16\n"), HasSubstr("float16 is not built"));
}

TEST(ReadConfig, Targets) {
  const auto targets = [](const std::string& line) { return read_with(line + "\n").config.lora.target_modules; };
  const LoraConfig::Names two = {"q_proj", "v_proj"};
  EXPECT_TRUE(std::holds_alternative<LoraConfig::AllLinear>(targets("lora_target_modules: all-linear")));
  EXPECT_TRUE(std::holds_alternative<LoraConfig::AllLinear>(targets("lora_target_linear: true")));
  EXPECT_TRUE(std::holds_alternative<LoraConfig::AllLinear>(targets("lora_target: all")));
  EXPECT_EQ(std::get<LoraConfig::Names>(targets("lora_target: q_proj, v_proj")), two);
  EXPECT_EQ(std::get<LoraConfig::Names>(targets("target_modules: [q_proj, v_proj]")), two);
  EXPECT_EQ(std::get<LoraConfig::Names>(targets("lora_target_modules: q_proj")), LoraConfig::Names{"q_proj"});
  EXPECT_EQ(std::get<LoraConfig::Regex>(targets("lora_target_modules: '.*\\.[qv]_proj'")).pattern, ".*\\.[qv]_proj");
  EXPECT_EQ(std::get<LoraConfig::Names>(targets("lora_target_linear: false\nlora_target_modules: [q_proj, v_proj]")),
            two);
  EXPECT_THAT(refusal_with("lora_target_modules: []\n"), HasSubstr("run.yaml:5:22"));
  EXPECT_THAT(refusal_with("lora_target_modules: [q_proj, q_proj]\n"), HasSubstr("twice"));
  EXPECT_THAT(refusal_with("lora_target_modules: [q_proj, [v]]\n"), HasSubstr("a list is not the name of a module"));
  EXPECT_THAT(refusal_with("lora_target_modules: q_proj,,v\n"), HasSubstr("not the name of a module"));
  EXPECT_THAT(refusal_with("lora_target_linear: true\nlora_target_modules: [q_proj]\n"), HasSubstr("keep one"));
}

TEST(ReadConfig, OneOfEachRange) {
  for (const char* line : {"lora_r: 0",
                           "lora_r: 1.5",
                           "lora_r: [8]",
                           "lora_alpha: 0",
                           "lora_dropout: -0.1",
                           "learning_rate: 0",
                           "learning_rate: -1e-4",
                           "learning_rate: .nan",
                           "learning_rate: .inf",
                           "micro_batch_size: 0",
                           "gradient_accumulation_steps: -2",
                           "num_epochs: 0",
                           "max_steps: 0",
                           "warmup_ratio: 1.5",
                           "warmup_steps: -1",
                           "adam_beta2: 1",
                           "adam_epsilon: 0",
                           "max_grad_norm: -1",
                           "sequence_len: 0",
                           "save_total_limit: -1",
                           "logging_steps: 0",
                           "seed: -1",
                           "threads: 0",
                           "bnb_4bit_blocksize: 48",
                           "bnb_4bit_quant_type: fp4",
                           "val_set_size: 1.5",
                           "val_set_size: -1",
                           "shuffle: perhaps",
                           "shuffle: [true]",
                           "excess_length_strategy: cut",
                           "kernels: neon",
                           "device: tpu",
                           "eval_steps: 0.1",
                           "output_dir_: x",
                           "metrics: [rouge]",
                           "datasets_: x"})
    EXPECT_THAT(refusal_with(str(line, "\n")), HasSubstr("run.yaml:5:")) << line;
}

TEST(ReadConfig, WordsInAnotherDressAreProposed) {
  for (const auto& [written, meant] :
       std::map<std::string, std::string>{{"AdamW8bit", "adamw_8bit"},
                                          {"bnb.optim.AdamW8bit", "adamw_8bit"},
                                          {"bnb.optim.PagedAdamW8bit", "paged_adamw_8bit"},
                                          {"PagedAdamW32bit", "paged_adamw_32bit"},
                                          {"paged-adamw-8bit", "paged_adamw_8bit"},
                                          {"bitsandbytes.optim.Lion8bit", "lion_8bit"},
                                          {"torch.optim.AdamW", "adamw"},
                                          {"torch.optim.SGD", "sgd"}})
    EXPECT_THAT(refusal_with("optimizer: " + written + "\n"), HasSubstr("did you mean " + meant + "?")) << written;
  EXPECT_THAT(refusal_with("optimizer: \"...\"\n"), Not(HasSubstr("did you mean")));
  EXPECT_THAT(refusal_with("lr_scheduler: constant-with-warmup\n"), HasSubstr("did you mean constant_with_warmup?"));
}

TEST(ReadConfig, SizesInMemory) {
  EXPECT_FALSE(read_with("optimizer: paged_adamw_8bit\noptimizer_memory: auto\n").config.optimizer.optimizer_memory);
  EXPECT_FALSE(read_with("max_memory: Auto\n").config.train.max_memory);
  EXPECT_FALSE(read_with("max_memory: 8GB\n", {"max_memory=auto"}).config.train.max_memory);
  EXPECT_EQ(read_with("optimizer_memory: 2MiB\n").config.optimizer.optimizer_memory, 2 << 20);
  for (const std::string small : {"1KB", "1.9MiB", "0", "0B"})
    EXPECT_THAT(refusal_with("optimizer_memory: " + small + "\n"),
                HasSubstr("run.yaml:5:19: optimizer_memory: \"" + small + "\" is too small\n  at least 2.0 MiB"));
  EXPECT_THAT(refusal_with("max_memory: 0\n"), HasSubstr("max_memory: \"0\" is too small"));
  for (const std::string wrong : {"automatic", "12", "8G", "-1MB"})
    EXPECT_THAT(refusal_with("optimizer_memory: " + wrong + "\n"), HasSubstr("is not auto, or a size: 8GB")) << wrong;
}

TEST(ReadConfig, NotBuiltIsSaidSo) {
  EXPECT_THAT(refusal_with("optimizer: paged_ademamix_8bit\n"), HasSubstr("not built"));
  EXPECT_THAT(refusal_with("optimizer: adamw_torch_4bit\n"), HasSubstr("not built"));
  EXPECT_THAT(refusal_with("lr_scheduler: polynomial\n"), HasSubstr("not built"));
  EXPECT_THAT(refusal_with("lr_scheduler: cosin\n"), HasSubstr("did you mean cosine?"));
  EXPECT_THAT(refusal_with("device: cuda:0\n"), HasSubstr("CPU only"));
  EXPECT_THAT(refusal_with("gradient_checkpointing: offload\n"), HasSubstr("not built"));
  EXPECT_THAT(refusal_with("sample_packing: true\n"), HasSubstr("not built yet"));
  EXPECT_THAT(refusal_with("roles_to_train: [assistant, user]\n"), HasSubstr("run.yaml:5:29"));
  EXPECT_THAT(refusal_with("train_on_eos: all\n"), HasSubstr("only the end of each trained turn is built"));
  EXPECT_THAT(refusal_with("report_to: [jsonl, wandb]\n"), HasSubstr("only metrics.jsonl"));
  EXPECT_THAT(refusal_with("chat_template: llama3\n"), HasSubstr("chatml"));
  EXPECT_THAT(refusal_with("chat_template: jinja\n"), HasSubstr("template.jinja"));
}

TEST(ReadConfig, Resume) {
  const auto resume = [](const std::string& text) {
    const TrainConfig train = read_with("resume_from_checkpoint: " + text + "\n").config.train;
    return std::make_pair(train.resume, train.resume_from);
  };
  EXPECT_EQ(resume(""), std::make_pair(false, std::string()));
  EXPECT_EQ(resume("false"), std::make_pair(false, std::string()));
  EXPECT_EQ(resume("true"), std::make_pair(true, std::string()));
  EXPECT_EQ(resume("runs/x/checkpoint-5"), std::make_pair(true, std::string("runs/x/checkpoint-5")));
}

TEST(ReadConfig, NotesOfValuesWithoutEffect) {
  EXPECT_TRUE(
      has_note(read_with("lr_scheduler: constant\nwarmup_ratio: 0.03\n"), "run.yaml:6:1: warmup_ratio has no effect"));
  EXPECT_TRUE(has_note(read_with("evals_per_epoch: 4\n"), "there is no evaluation data"));
  EXPECT_FALSE(has_note(read_with("evals_per_epoch: 4\nval_set_size: 0.1\n"), "there is no evaluation data"));
}

TEST(ReadConfig, WhereValuesCameFrom) {
  const LoadedConfig loaded = read_with("lora_rank: 8\n", {"learning_rate=1e-5"});
  EXPECT_EQ(loaded.origins.at("lora_r").text(), "run.yaml:5");
  EXPECT_EQ(loaded.origins.at("learning_rate").text(), "command line");
  EXPECT_EQ(loaded.origins.at("lora_alpha").text(), "default: 2 * lora_r");
  EXPECT_EQ(loaded.origins.at("seed").text(), "default");
  EXPECT_EQ(loaded.config.lora.alpha, 16);
}

TEST(ReadConfig, FilesThatCannotBeRead) {
  EXPECT_THROW(read_config("/nowhere/run.yaml"), Error);
  EXPECT_THROW(read_config("/"), Error);
  const std::string path = testing::TempDir() + "vernier_config_big.yaml";
  std::ofstream(path) << std::string(2 << 20, '#');
  EXPECT_THROW(read_config(path), Error);
  std::ofstream(path, std::ios::trunc) << kBase;
  const LoadedConfig loaded = read_config(path);
  std::filesystem::remove(path);
  EXPECT_EQ(loaded.config.model.base_model, "models/tiny");
  EXPECT_EQ(loaded.sha256, sha256_hex(kBase));
}

TEST(ReadConfig, ASyntaxErrorIsNotDrownedInMissingKeys) {
  const std::string message = refusal("base_model: m\nlora_r: [8\n");
  EXPECT_THAT(message, AllOf(HasSubstr("not valid YAML"), Not(HasSubstr("is missing"))));
}

}  // namespace
}  // namespace vernier

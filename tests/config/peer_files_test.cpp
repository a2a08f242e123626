// Files in the form of other projects: what they give here, and what is refused.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <variant>

#include "config/keys.h"
#include "config/peer_keys.h"
#include "config_test_util.h"

namespace vernier {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const char* const kAxolotl = R"(base_model: NousResearch/Llama-3.2-1B
load_in_4bit: true
adapter: qlora
datasets: [{path: teknium/GPT4-LLM-Cleaned, type: alpaca}]
dataset_prepared_path: last_run_prepared
val_set_size: 0.1
output_dir: ./outputs/qlora-out
sequence_len: 2048
sample_packing: true
eval_sample_packing: true
lora_r: 32
lora_alpha: 16
lora_dropout: 0.05
lora_target_modules: [gate_proj, down_proj, up_proj, q_proj, v_proj, k_proj, o_proj]
gradient_accumulation_steps: 4
micro_batch_size: 2
num_epochs: 1
optimizer: adamw_bnb_8bit
lr_scheduler: cosine
learning_rate: 0.0002
bf16: auto
gradient_checkpointing: true
resume_from_checkpoint:
logging_steps: 1
attn_implementation: flash_attention_2
loss_watchdog_threshold: 5.0
loss_watchdog_patience: 3
warmup_ratio: 0.1
evals_per_epoch: 4
saves_per_epoch: 1
weight_decay: 0.0
special_tokens: {pad_token: "<|end_of_text|>"}
)";

const char* const kLlamaFactory = R"(model_name_or_path: Qwen/Qwen3-4B-Instruct-2507
quantization_bit: 4
quantization_method: bnb
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
dataset: identity,alpaca_en_demo
template: qwen3_nothink
cutoff_len: 2048
max_samples: 1000
preprocessing_num_workers: 16
output_dir: saves/qwen3-4b/lora/sft
logging_steps: 10
save_steps: 500
plot_loss: true
overwrite_output_dir: true
report_to: none
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
num_train_epochs: 3.0
lr_scheduler_type: cosine
warmup_ratio: 0.1
bf16: true
)";

std::string without_lines(std::string text, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const auto start = text.find("\n" + key + ":") + 1;
    EXPECT_NE(start, 0u) << key;
    text.erase(start, text.find('\n', start) - start + 1);
  }
  return text;
}

TEST(PeerFiles, AxolotlAsItIs) {
  const std::string message = refusal(kAxolotl);
  EXPECT_THAT(message, HasSubstr("run.yaml:9:17: sample_packing: \"true\": sample packing is not built yet"));
  EXPECT_THAT(message, Not(HasSubstr("unknown key")));
}

TEST(PeerFiles, AxolotlWithoutWhatIsNotBuilt) {
  const LoadedConfig loaded = read_text(without_lines(kAxolotl, {"sample_packing"}));
  const Config& config = loaded.config;
  EXPECT_EQ(config.adapter, Adapter::kQlora);
  EXPECT_EQ(config.lora.r, 32);
  EXPECT_EQ(config.optimizer.optimizer, (OptimizerChoice{OptimizerKind::kAdamw8bit, false}));
  EXPECT_EQ(config.lora.alpha, 16);
  EXPECT_EQ(std::get<LoraConfig::Names>(config.lora.target_modules).size(), 7u);
  EXPECT_EQ(config.train.saves_per_epoch, 1);
  EXPECT_EQ(config.train.save_strategy, SaveStrategy::kSteps);
  EXPECT_FALSE(config.train.resume);
  EXPECT_EQ(config.train.loss_watchdog_threshold, 5.0);
  EXPECT_EQ(config.train.loss_watchdog_patience, 3);
  EXPECT_TRUE(has_note(loaded, "attn_implementation has no effect here"));
  EXPECT_TRUE(has_note(loaded, "special_tokens.pad_token has no effect here: there is no padding"));
}

TEST(PeerFiles, LlamaFactoryAsItIs) {
  const std::string message = refusal(kLlamaFactory);
  EXPECT_THAT(message, AllOf(HasSubstr("run.yaml:9:1: dataset (LLaMA-Factory): data sets are given by their files"),
                             HasSubstr("run.yaml:10:1: template (LLaMA-Factory)"),
                             HasSubstr("run.yaml:12:1: max_samples (LLaMA-Factory)"), HasSubstr("datasets is missing"),
                             Not(HasSubstr("unknown key"))));
}

TEST(PeerFiles, LlamaFactoryWithItsDataAsFiles) {
  const LoadedConfig loaded = read_text(without_lines(kLlamaFactory, {"dataset", "template", "max_samples"}),
                                        {"datasets=[{path: a.json, type: alpaca}]"});
  const Config& config = loaded.config;
  EXPECT_EQ(config.model.base_model, "Qwen/Qwen3-4B-Instruct-2507");
  EXPECT_EQ(config.adapter, Adapter::kQlora);
  EXPECT_EQ(config.lora.r, 8);
  EXPECT_EQ(config.lora.alpha, 16);
  EXPECT_EQ(config.data.sequence_len, 2048);
  EXPECT_EQ(config.train.num_epochs, 3);
  EXPECT_EQ(config.optimizer.learning_rate, 1e-4);
  EXPECT_EQ(config.device.compute, Compute::kBF16);
  EXPECT_TRUE(config.train.overwrite_output_dir);
  EXPECT_EQ(config.train.save_steps, 500);
  EXPECT_TRUE(has_note(loaded, "run.yaml:2:1: quantization_bit: 4 is read as load_in_4bit: true"));
  EXPECT_TRUE(has_note(loaded, "plot_loss has no effect here"));
}

TEST(PeerFiles, TheBenchmarksFile) {
  const LoadedConfig loaded = read_text(
      "base_model: /models/x\nadapter: qlora\nload_in_4bit: true\nbnb_4bit_quant_type: nf4\n"
      "bnb_4bit_use_double_quant: true\ndatasets:\n  - path: /tmp/tokens.jsonl\n    type: tokenized\nshuffle: false\n"
      "sequence_len: 512\nsample_packing: false\nlora_r: 16\nlora_alpha: 32\nlora_dropout: 0.0\n"
      "lora_target_modules: all-linear\nmicro_batch_size: 1\ngradient_accumulation_steps: 1\nmax_steps: 3\n"
      "optimizer: adamw_torch\nlearning_rate: 2e-4\nlr_scheduler: constant\nweight_decay: 0.0\nmax_grad_norm: 1.0\n"
      "bf16: true\ngradient_checkpointing: auto\ndevice: cpu\nseed: 0\noutput_dir: /tmp/run\nlogging_steps: 1\n"
      "save_strategy: \"no\"\n");
  EXPECT_TRUE(loaded.notes.empty());
  EXPECT_FALSE(loaded.config.batch.shuffle);
  EXPECT_EQ(loaded.config.train.save_strategy, SaveStrategy::kNo);
  EXPECT_EQ(loaded.config.train.max_steps, 3);
  EXPECT_EQ(loaded.config.seed, 0u);
  EXPECT_EQ(loaded.config.optimizer.lr_scheduler, Scheduler::kConstant);
}

TEST(PeerFiles, OurConfigsAllLoad) {
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(VERNIER_SOURCE_DIR "/configs")) {
    if (file.path().extension() != ".yaml") continue;
    ++files;
    EXPECT_NO_THROW(read_config(file.path().string())) << file.path();
  }
  EXPECT_GE(files, 5u);
}

TEST(PeerFiles, EveryRefusedKeyIsRefusedAndAcceptedWordsAreNot) {
  for (const PeerKey& peer : peer_keys()) {
    if (peer.kind != PeerKey::Kind::kRefused || peer.name.find('.') != std::string::npos) continue;
    std::string name = peer.name;
    std::replace(name.begin(), name.end(), '*', 'x');
    EXPECT_THAT(refusal_with(name + ": surely-not-accepted\n"), HasSubstr("run.yaml:5:1: " + name + " (")) << name;
    EXPECT_NO_THROW(read_with(name + ":\n")) << name;
    EXPECT_NO_THROW(read_with(name + ": []\n")) << name;
    for (const std::string& word : peer.accepted) EXPECT_NO_THROW(read_with(name + ": " + word + "\n")) << name;
  }
}

TEST(PeerFiles, EveryNotedKeyGivesANote) {
  for (const PeerKey& peer : peer_keys()) {
    if (peer.kind != PeerKey::Kind::kNoted || peer.name.find('.') != std::string::npos) continue;
    std::string name = peer.name;
    std::replace(name.begin(), name.end(), '*', 'x');
    EXPECT_TRUE(has_note(read_with(name + ": {a: [1, x]}\n"), name + " has no effect here")) << name;
  }
}

TEST(PeerFiles, EveryTranslatedWordIsReadByItsKey) {
  for (const PeerKey& peer : peer_keys()) {
    if (peer.kind != PeerKey::Kind::kTranslated) continue;
    ASSERT_NE(find_key(peer.canonical).key, nullptr) << peer.name;
    for (const auto& [word, value] : peer.values) {
      const LoadedConfig loaded = read_with(peer.name + ": " + word + "\n");
      EXPECT_EQ(loaded.origins.at(peer.canonical).is_default, value.empty()) << peer.name << ": " << word;
      if (value.empty()) continue;
      EXPECT_EQ(find_key(peer.canonical).key->write(loaded.config), value) << peer.name;
    }
    if (peer.others_pass) continue;
    EXPECT_THAT(refusal_with(peer.name + ": 17\n"), HasSubstr(peer.text)) << peer.name;
  }
}

TEST(PeerFiles, SingleKeysThatMatter) {
  EXPECT_THAT(refusal_with("fp16: true\n"), HasSubstr("float16"));
  EXPECT_NO_THROW(read_with("fp16: false\nload_in_8bit: false\nuse_dora: false\nneat_packing: false\n"));
  EXPECT_THAT(refusal_with("quantization_bit: 8\n"), HasSubstr("only 4-bit"));
  EXPECT_THAT(refusal_with("special_tokens: {eos_token: x}\n"), HasSubstr("run.yaml:5:18: special_tokens.eos_token"));
  EXPECT_THAT(refusal_with("special_tokens: x\n"), HasSubstr("is a map"));
  EXPECT_THAT(refusal_with("bnb_config_kwargs: {bnb_4bit_quant_type: fp4}\n"), HasSubstr("only NF4"));
  EXPECT_THAT(refusal_with("bnb_config_kwargs: {llm_int8_threshold: 6}\n"), HasSubstr("unknown key"));
  EXPECT_THAT(refusal_with("bnb_4bit_use_double_quant: true\nbnb_config_kwargs: {bnb_4bit_use_double_quant: true}\n"),
              HasSubstr("run.yaml:6:21"));
  EXPECT_FALSE(read_with("bnb_config_kwargs: {bnb_4bit_use_double_quant: false}\n").config.quantization.double_quant);
  EXPECT_THAT(refusal_with("dataloader_drop_last: true\n"), HasSubstr("run.yaml:5:1"));
}

}  // namespace
}  // namespace vernier

#include "train/resume_rules.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "config/keys.h"

namespace vernier {

namespace {

constexpr const char* kRows = "the rows would be others, and the place in them would mean nothing";
constexpr const char* kBase = "the adapter was trained on the base as it was";
constexpr const char* kShape = "the tensors of adapter and optimizer have this shape";
constexpr const char* kScale = "it scales what the adapter has learned";
constexpr const char* kOrder = "the order of the rows follows from it";

constexpr auto kRules = std::to_array<ResumeRule>({
    {"base_model", "base_model", kBase},
    {"revision_of_model", "base_model", kBase},
    {"load_in_4bit", "load_in_4bit", kBase},
    {"adapter", "load_in_4bit", kBase},
    {"bnb_4bit_blocksize", "bnb_4bit_blocksize", kBase},
    {"bnb_4bit_use_double_quant", "bnb_4bit_use_double_quant", kBase},
    {"lora_r", "lora_r", kShape},
    {"lora_target_modules", "lora_target_modules", kShape},
    {"lora_alpha", "lora_alpha", kScale},
    {"use_rslora", "use_rslora", kScale},
    {"datasets", "data", kRows},
    {"val_set_size", "data", kRows},
    {"sequence_len", "data", kRows},
    {"excess_length_strategy", "data", kRows},
    {"chat_template", "data", kRows},
    {"train_on_inputs", "data", kRows},
    {"on_empty_targets", "data", kRows},
    {"seed", "seed", kOrder},
    {"shuffle", "shuffle", kOrder},
    {"optimizer", "optimizer", "its state is of another kind"},
    {"test_datasets", "evaluation", nullptr},
    {"lora_dropout", "lora_dropout", nullptr},
    {"micro_batch_size", "micro_batch_size", nullptr},
    {"gradient_accumulation_steps", "gradient_accumulation_steps", nullptr},
    {"learning_rate", "learning_rate", nullptr},
    {"lr_scheduler", "lr_scheduler", nullptr},
    {"warmup_steps", "warmup_steps", nullptr},
    {"warmup_ratio", "warmup_ratio", nullptr},
    {"adam_beta1", "adam_beta1", nullptr},
    {"adam_beta2", "adam_beta2", nullptr},
    {"adam_epsilon", "adam_epsilon", nullptr},
    {"weight_decay", "weight_decay", nullptr},
    {"max_grad_norm", "max_grad_norm", nullptr},
    {"max_steps", "total_steps", nullptr},
    {"num_epochs", "total_steps", nullptr},
    {"", "tokenizer", kRows},
    {"", "rows_per_step", "the place in the data counts steps of so many rows"},
});

const ResumeRule* rule_of_key(std::string_view key) {
  const auto it = std::find_if(kRules.begin(), kRules.end(), [&](const ResumeRule& rule) { return rule.key == key; });
  return it == kRules.end() ? nullptr : &*it;
}

}  // namespace

std::vector<ResumeRule> rules_of_setting(std::string_view setting) {
  std::vector<ResumeRule> rules;
  for (const ResumeRule& rule : kRules)
    if (rule.setting == setting) rules.push_back(rule);
  if (rules.empty()) rules.push_back({"", "", "it shapes the numbers"});
  return rules;
}

std::set<std::string> allowed_changes(const std::vector<std::string>& words, std::vector<std::string>& notes) {
  std::set<std::string> allowed;
  for (const std::string& word : words) {
    std::string name = word;
    std::replace(name.begin(), name.end(), '-', '_');
    const Key* key = find_key(name).key;
    const std::string where = str("--allow-change ", word);
    if (key == nullptr) {
      std::vector<std::string> names;
      for (const ResumeRule& rule : kRules)
        if (rule.fixed_because == nullptr) names.push_back(rule.key);
      const std::string near = nearest_name(name, names);
      throw Error(ErrorKind::kInput, "no key of the config", where,
                  near.empty() ? str("keys that may change: ", join(names, ", ")) : str("did you mean ", near, "?"));
    }
    const ResumeRule* rule = rule_of_key(key->name);
    if (rule == nullptr) {
      notes.push_back(str(where, " has no effect: it may change without a word"));
    } else if (rule->fixed_because != nullptr) {
      throw Error(ErrorKind::kInput, str(key->name, " cannot change within a run: ", rule->fixed_because), where,
                  "lora_model_dir: DIR with another output_dir starts a new run from the adapter");
    } else {
      allowed.insert(rule->setting);
    }
  }
  return allowed;
}

}  // namespace vernier

#include "train/resume_changes.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "config/keys.h"
#include "train/checkpoint.h"

namespace vernier {

namespace {

constexpr const char* kRows = "the rows would be others, and the place in them would mean nothing";
constexpr const char* kBase = "the adapter was trained on the base as it was";
constexpr const char* kShape = "the tensors of adapter and optimizer have this shape";
constexpr const char* kScale = "it scales what the adapter has learned";
constexpr const char* kOrder = "the order of the rows follows from it";

// A key of the config that shapes the numbers, and the setting of the identity that it decides.
struct Rule {
  const char* key;
  const char* setting;
  const char* fixed_because;  // nullptr: may change where --allow-change says so
};

constexpr auto kRules = std::to_array<Rule>({
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
    {"num_epochs", "total_steps", nullptr},
    {"max_steps", "total_steps", nullptr},
    // No key of their own; the second is micro_batch_size times gradient_accumulation_steps.
    {"", "tokenizer", kRows},
    {"", "rows_per_step", "the place in the data counts steps of so many rows"},
});

const Rule* rule_of_key(std::string_view key) {
  const auto it = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& rule) { return rule.key == key; });
  return it == kRules.end() ? nullptr : &*it;
}

// Of a setting that no rule names: it may not change.
Rule rule_of_setting(std::string_view setting) {
  const auto it = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& rule) { return rule.setting == setting; });
  return it == kRules.end() ? Rule{"", "", "it shapes the numbers"} : *it;
}

class Comparison {
 public:
  explicit Comparison(const std::set<std::string>& allowed) : allowed_(allowed) {}

  // `what` changed, by the rule of `setting`.
  void changed(const std::string& setting, const std::string& what) {
    const Rule rule = rule_of_setting(setting);
    if (rule.fixed_because != nullptr) {
      refused_.push_back(str(what, ", which cannot change: ", rule.fixed_because));
    } else if (allowed_.count(setting) == 0) {
      refused_.push_back(str(what, ": --allow-change ", rule.key, " goes on with it"));
    } else {
      allowed_notes_.push_back(what);
    }
  }

  void settle(const std::string& where, std::vector<std::string>& notes) const {
    if (!refused_.empty())
      throw Error(ErrorKind::kInput, str("this is not the run that the checkpoint belongs to: ", join(refused_, "; ")),
                  where,
                  "undo the change; or keep what is trained so far in a new run: lora_model_dir: DIR with another "
                  "output_dir");
    if (!allowed_notes_.empty()) notes.push_back(str("going on with changes: ", join(allowed_notes_, "; ")));
  }

 private:
  const std::set<std::string>& allowed_;
  std::vector<std::string> refused_, allowed_notes_;
};

std::string was_and_is(const std::string& key, const Json& before, const Json& now) {
  const auto shown = [](const Json& value) { return value.is_null() ? "not set" : value.dump(); };
  return str(key, " was ", shown(before), " and is ", shown(now));
}

// Every key that one of the two has, with its values there; null where one has it not.
template <typename Seen>
void walk_differences(const Json& before, const Json& now, const Seen& seen) {
  for (const auto& [key, value] : now.items())
    if (const Json old = before.contains(key) ? before[key] : Json(); old != value) seen(key, old, value);
  for (const auto& [key, value] : before.items())
    if (!now.contains(key) && !value.is_null()) seen(key, value, Json());
}

void note_others(const Json& saved, const RunIdentity& now, std::vector<std::string>& notes) {
  std::vector<std::string> options;
  walk_differences(saved.at("options"), now.options,
                   [&](const std::string& key, const Json& before, const Json& after) {
                     options.push_back(was_and_is(key, before, after));
                   });
  if (!options.empty())
    notes.push_back(str("changed since the checkpoint, in nothing that shapes the numbers: ", join(options, "; ")));
  if (const auto device = saved.at("device").get<std::string>(); device != now.device)
    notes.push_back(
        str("the checkpoint was written on \"", device, "\", this is \"", now.device, "\": the last bits may differ"));
  if (saved.at("binary_sha256").get<std::string>() != now.binary)
    notes.push_back("the checkpoint was written by another build of this program: the last bits may differ");
}

}  // namespace

std::set<std::string> allowed_changes(const std::vector<std::string>& words, std::vector<std::string>& notes) {
  std::set<std::string> allowed;
  for (const std::string& word : words) {
    std::string name = word;
    std::replace(name.begin(), name.end(), '-', '_');
    const Key* key = find_key(name).key;
    const std::string where = str("--allow-change ", word);
    if (key == nullptr) {
      std::vector<std::string> names;
      for (const Rule& rule : kRules)
        if (rule.fixed_because == nullptr) names.push_back(rule.key);
      const std::string near = nearest_name(name, names);
      throw Error(ErrorKind::kInput, "no key of the config", where,
                  near.empty() ? str("keys that may change: ", join(names, ", ")) : str("did you mean ", near, "?"));
    }
    const Rule* rule = rule_of_key(key->name);
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

void compare_runs(const Json& saved, const RunIdentity& now, const std::set<std::string>& allowed,
                  const std::string& where, std::vector<std::string>& notes) {
  Comparison comparison(allowed);
  const auto compare = [&](const char* key, const std::string& value, const char* setting, const char* what) {
    if (saved.at(key).get<std::string>() != value) comparison.changed(setting, what);
  };
  compare("base_sha256", now.base, "base_model", "the base model changed");
  compare("tokenizer_sha256", now.tokenizer, "tokenizer", "the tokenizer changed");
  compare("data_sha256", now.data, "data", "the training data changed");
  compare("evaluation_sha256", now.evaluation, "evaluation", "the evaluation data changed");
  walk_differences(saved.at("settings"), now.settings,
                   [&](const std::string& key, const Json& before, const Json& after) {
                     comparison.changed(key, was_and_is(key, before, after));
                   });
  comparison.settle(where, notes);
  note_others(saved, now, notes);
}

}  // namespace vernier

#include "config/rules.h"

#include <functional>
#include <vector>

#include "base/text.h"
#include "config/peer_keys.h"
#include "config/values.h"

namespace vernier {

namespace {

struct Conflict {
  std::string first, second;
  std::string reason;
  std::function<bool(const YamlNode&, const YamlNode&)> holds;
};

bool always(const YamlNode&, const YamlNode&) {
  return true;
}

bool is_not_steps(const YamlNode& strategy, const YamlNode&) {
  return value_word(strategy) != "steps";
}

bool is_no(const YamlNode& strategy) {
  const std::string word = value_word(strategy);
  return word == "no" || word == "false";
}

const std::vector<Conflict>& conflicts() {
  static const std::vector<Conflict> list = {
      {"warmup_steps", "warmup_ratio", "they say the same in two ways", always},
      {"save_steps", "saves_per_epoch", "they say the same in two ways", always},
      {"eval_steps", "evals_per_epoch", "they say the same in two ways", always},
      {"val_set_size", "test_datasets", "evaluation data comes from one of them",
       [](const YamlNode& size, const YamlNode&) { return value_word(size) != "0"; }},
      {"save_strategy", "save_steps", "save_steps needs save_strategy: steps", is_not_steps},
      {"save_strategy", "saves_per_epoch", "saves_per_epoch needs save_strategy: steps", is_not_steps},
      {"save_strategy", "save_minutes", "save_strategy: no means no checkpoints",
       [](const YamlNode& strategy, const YamlNode&) { return is_no(strategy); }},
      {"save_strategy", "load_best_model_at_end", "the best adapter is kept as a checkpoint",
       [](const YamlNode& strategy, const YamlNode& best) { return is_no(strategy) && value_word(best) == "true"; }},
      {"eval_strategy", "eval_steps", "eval_steps needs eval_strategy: steps", is_not_steps},
      {"eval_strategy", "evals_per_epoch", "evals_per_epoch needs eval_strategy: steps", is_not_steps},
      {"adapter", "load_in_4bit", "qlora is the adapter on a 4-bit base, lora the one on a base as it is",
       [](const YamlNode& adapter, const YamlNode& in_4bit) {
         const std::string kind = value_word(adapter), flag = value_word(in_4bit);
         return (kind == "qlora" && flag == "false") || (kind == "lora" && flag == "true");
       }},
      {"overwrite_output_dir", "resume_from_checkpoint", "one removes the checkpoints that the other goes on from",
       [](const YamlNode& overwrite, const YamlNode& resume) {
         return value_word(overwrite) == "true" && value_word(resume) != "false";
       }},
  };
  return list;
}

bool is_set(const Assignments& assigned, const std::string& name) {
  return assigned.count(name) > 0;
}

void derive(LoadedConfig& loaded, const std::string& name, const std::string& reason) {
  loaded.origins[name].reason = reason;
}

void derive_adapter(const Assignments& assigned, LoadedConfig& loaded) {
  Config& config = loaded.config;
  if (is_set(assigned, "adapter") && !is_set(assigned, "load_in_4bit")) {
    config.quantization.load_in_4bit = config.adapter == Adapter::kQlora;
    derive(loaded, "load_in_4bit", "from adapter");
  } else if (is_set(assigned, "load_in_4bit") && !is_set(assigned, "adapter")) {
    config.adapter = config.quantization.load_in_4bit ? Adapter::kQlora : Adapter::kLora;
    derive(loaded, "adapter", "from load_in_4bit");
  }
}

// `kind` is "save" or "eval".
void derive_strategy(const std::string& kind, const Assignments& assigned, SaveStrategy& strategy, LoadedConfig& loaded,
                     Report& report) {
  const std::string name = kind + "_strategy", steps = kind + "_steps", share = kind + "s_per_epoch";
  const bool counted = is_set(assigned, steps) || is_set(assigned, share);
  if (!is_set(assigned, name)) {
    if (!counted) return;
    strategy = SaveStrategy::kSteps;
    derive(loaded, name, "from " + (is_set(assigned, steps) ? steps : share));
  } else if (strategy == SaveStrategy::kSteps && !counted) {
    report.problem(name + ": steps needs to know how many", assigned.at(name).setting.value.place,
                   "set " + steps + " or " + share);
  }
}

// What goes by the evaluation loss needs one.
void derive_best(const Assignments& assigned, LoadedConfig& loaded, Report& report) {
  TrainConfig& train = loaded.config.train;
  if (train.early_stopping_patience && !is_set(assigned, "load_best_model_at_end") &&
      train.save_strategy != SaveStrategy::kNo) {
    train.load_best_model_at_end = true;
    derive(loaded, "load_best_model_at_end", "from early_stopping_patience");
  }
  const bool data = loaded.config.data.val_set_size > 0 || !loaded.config.data.test_datasets.empty();
  const auto require_evaluation = [&](const char* name, bool used) {
    if (!used || !is_set(assigned, name) || (data && train.eval_strategy != SaveStrategy::kNo)) return;
    report.problem(str(name, " goes by the evaluation loss, and ",
                       data ? "eval_strategy: no measures none" : "there is no evaluation data"),
                   assigned.at(name).setting.place, data ? "set eval_strategy" : "set val_set_size or test_datasets");
  };
  require_evaluation("early_stopping_patience", true);
  require_evaluation("load_best_model_at_end", train.load_best_model_at_end);
  require_evaluation("save_strategy", train.save_strategy == SaveStrategy::kBest);
}

void note_without_effect(const Assignments& assigned, const Config& config, Report& report) {
  const auto note = [&](const std::string& name, const std::string& why) {
    const auto it = assigned.find(name);
    if (it != assigned.end()) report.note(it->second.setting.name + " has no effect: " + why, it->second.setting.place);
  };
  if (config.adapter == Adapter::kLora) {
    for (const char* name : {"bnb_4bit_quant_type", "bnb_4bit_use_double_quant", "bnb_4bit_blocksize"})
      note(name, "the base is not quantized");
  }
  if (config.data.val_set_size <= 0 && config.data.test_datasets.empty()) {
    for (const char* name : {"eval_steps", "evals_per_epoch"})
      note(name, "there is no evaluation data (val_set_size, test_datasets)");
    if (config.train.eval_strategy != SaveStrategy::kNo)
      note("eval_strategy", "there is no evaluation data (val_set_size, test_datasets)");
  }
  const OptimizerChoice& optimizer = config.optimizer.optimizer;
  const bool sgd = optimizer.kind == OptimizerKind::kSgd;
  const bool lion = optimizer.kind == OptimizerKind::kLion32bit || optimizer.kind == OptimizerKind::kLion8bit;
  if (sgd) {
    for (const char* name : {"adam_beta1", "adam_beta2"}) note(name, "sgd has no moments");
  }
  if (sgd || lion) note("adam_epsilon", "only AdamW divides by a moment");
  if (!optimizer.paged) {
    for (const char* name : {"optimizer_memory", "paging_dir"}) note(name, "the optimizer is not a paged one");
  }
  if (config.optimizer.lr_scheduler == Scheduler::kConstant) {
    if (config.optimizer.warmup_steps.value_or(0) > 0) note("warmup_steps", "lr_scheduler: constant has no warm-up");
    if (config.optimizer.warmup_ratio.value_or(0) > 0) note("warmup_ratio", "lr_scheduler: constant has no warm-up");
  }
}

void require(bool present, const std::string& what, const std::string& example, const LoadedConfig& loaded,
             Report& report) {
  if (!present) report.problem(what + " is missing", {loaded.path, 0, 0}, "add: " + example);
}

}  // namespace

void settle_conflicts(Assignments& assigned, Report& report) {
  for (const Conflict& conflict : conflicts()) {
    const auto first = assigned.find(conflict.first), second = assigned.find(conflict.second);
    if (first == assigned.end() || second == assigned.end()) continue;
    const Setting a = first->second.setting, b = second->second.setting;
    if (!conflict.holds(a.value, b.value)) continue;
    const bool a_wins = a.place.from_command_line(), b_wins = b.place.from_command_line();
    if (a_wins == b_wins) {
      const bool a_first = a.place.line <= b.place.line;
      const Setting &earlier = a_first ? a : b, &later = a_first ? b : a;
      report.problem(
          str(later.name, " contradicts ", earlier.name, " (", earlier.place.line_text(), "): ", conflict.reason),
          later.place, "keep one of the two");
    } else {
      const Setting &winner = a_wins ? a : b, &loser = a_wins ? b : a;
      report.note(loser.name + " is replaced by " + winner.name + " on the command line", loser.place);
      assigned.erase(a_wins ? second : first);
    }
  }
}

void apply_rules(const Assignments& assigned, LoadedConfig& loaded, Report& report) {
  Config& config = loaded.config;
  derive_adapter(assigned, loaded);
  if (!is_set(assigned, "lora_alpha")) {
    config.lora.alpha = 2 * static_cast<double>(config.lora.r);
    derive(loaded, "lora_alpha", "2 * lora_r");
  }
  derive_strategy("save", assigned, config.train.save_strategy, loaded, report);
  derive_strategy("eval", assigned, config.train.eval_strategy, loaded, report);
  derive_best(assigned, loaded, report);
  note_without_effect(assigned, config, report);
}

void check_required(Purpose purpose, const LoadedConfig& loaded, const Assignments& assigned, Report& report) {
  require(is_set(assigned, "base_model"), "base_model", "base_model: DIRECTORY", loaded, report);
  const bool datasets = is_set(assigned, "datasets"), test_datasets = is_set(assigned, "test_datasets");
  const std::string example = "datasets: [{path: FILE, type: chat_template}]";
  if (purpose == Purpose::kTrain) require(datasets, "datasets", example, loaded, report);
  if (purpose == Purpose::kEvaluate)
    require(datasets || test_datasets, "datasets or test_datasets", "test_" + example, loaded, report);
  if (purpose != Purpose::kEvaluate)
    require(is_set(assigned, "output_dir"), "output_dir", "output_dir: DIRECTORY", loaded, report);
}

}  // namespace vernier

#include "config/key_sections.h"
#include "config/key_types.h"

namespace vernier {

using namespace key_types;

namespace {

std::vector<Word<SaveStrategy>> strategy_words() {
  return {{"epoch", SaveStrategy::kEpoch},
          {"steps", SaveStrategy::kSteps},
          {"no", SaveStrategy::kNo},
          {"false", SaveStrategy::kNo}};
}

std::vector<Word<SaveStrategy>> save_strategy_words() {
  std::vector<Word<SaveStrategy>> words = strategy_words();
  words.push_back({"best", SaveStrategy::kBest});
  return words;
}

Key max_steps_key() {
  const std::string values = "a whole number, 1 or more; -1: not set";
  return make_key(
      {"max_steps", {}, "Stop after this many optimizer steps, whatever num_epochs says.", "not set"}, values,
      [=](const YamlNode& node, Config& config, Report& report) {
        // -1 is how Hugging Face's arguments say "not set".
        const auto value = node.is_scalar() ? parse_integer(node.text) : std::nullopt;
        if (value && *value == -1) {
          config.train.max_steps.reset();
        } else if (value && *value >= 1 && *value <= kMostCount) {
          config.train.max_steps = *value;
        } else {
          refuse_value("max_steps", node, values, report);
        }
      },
      [](const Config& config) { return config.train.max_steps ? str(*config.train.max_steps) : std::string(); });
}

Key max_time_key() {
  const std::string values = "a time: 90s, 30m, 2h, 1h30m";
  return make_key(
      {"max_time",
       {},
       "The program saves and ends within this time from its start, with exit code 75 if steps are left: --resume goes "
       "on.",
       "not set"},
      values,
      [=](const YamlNode& node, Config& config, Report& report) {
        const auto seconds = node.is_scalar() ? parse_duration(node.text) : std::nullopt;
        if (seconds) {
          config.train.max_time = *seconds;
        } else {
          refuse_value("max_time", node, values, report);
        }
      },
      [](const Config& config) {
        return config.train.max_time ? number_text(*config.train.max_time) + "s" : std::string();
      });
}

Key resume_key() {
  return make_key(
      {"resume_from_checkpoint",
       {},
       "Go on from the newest whole checkpoint in output_dir (as --resume does), or from the checkpoint directory that "
       "is named."},
      "true, false, or a path",
      [](const YamlNode& node, Config& config, Report& report) {
        const auto text = read_text("resume_from_checkpoint", node, report);
        if (!text) return;
        const auto flag = node.quoted ? std::nullopt : parse_bool(*text);
        config.train.resume = flag.value_or(true);
        config.train.resume_from = flag ? "" : *text;
      },
      [](const Config& config) {
        if (config.train.resume_from.empty()) return std::string(config.train.resume ? "true" : "false");
        return yaml_text(config.train.resume_from);
      });
}

Key max_memory_key() {
  return bytes_key(
      {"max_memory",
       {},
       "Most memory that the process may take. Decides how many layers keep their activations; a run that cannot do "
       "with it is refused before it loads weights.",
       "auto: what is free"},
      [](auto& c) -> auto& { return c.train.max_memory; }, 1);
}

Key metrics_key() {
  Key key = make_key(
      {"metrics",
       {},
       "What `eval` measures besides the loss: exact_json generates and compares whole records.",
       "none"},
      "a list of: exact_json",
      [](const YamlNode& node, Config& config, Report& report) {
        const std::vector<YamlNode> items = node.is_sequence() ? node.items : std::vector<YamlNode>{node};
        config.train.metrics.clear();
        for (const YamlNode& item : items) {
          if (item.is_scalar() && item.text == "exact_json") {
            config.train.metrics = {item.text};
          } else {
            refuse_word("metrics", item, "exact_json", {}, report);
          }
        }
      },
      [](const Config& config) {
        return config.train.metrics.empty() ? std::string() : "[" + join(config.train.metrics, ", ") + "]";
      });
  key.takes_yaml = true;
  return key;
}

Key overwrite_key() {
  return bool_key(
      {"overwrite_output_dir",
       {},
       "Train into a directory that has checkpoints or a finished adapter, and remove them."},
      [](auto& c) -> auto& { return c.train.overwrite_output_dir; });
}

}  // namespace

std::vector<Key> length_keys() {
  return {
      number_key({"num_epochs",
                  {{"num_train_epochs", "LLaMA-Factory, TRL"}, {"epochs", "torchtune"}},
                  "Passes over the data; a fraction ends inside an epoch."},
                 [](auto& c) -> auto& { return c.train.num_epochs; }, {.low = 0, .high = 1e6, .low_open = true}),
      max_steps_key(),
      max_time_key(),
  };
}

std::vector<Key> evaluation_keys() {
  return {
      word_key<>(
          {"eval_strategy",
           {{"evaluation_strategy", "older Hugging Face"}},
           "When the evaluation data is measured, where there is any: after every epoch, every eval_steps, or only by "
           "the `eval` command.",
           "epoch, or steps where eval_steps or evals_per_epoch is set"},
          [](auto& c) -> auto& { return c.train.eval_strategy; }, strategy_words()),
      integer_key({"eval_steps", {}, "Evaluate every so many steps. Not with evals_per_epoch.", "not set"},
                  [](auto& c) -> auto& { return c.train.eval_steps; }, {1, kMostCount}),
      integer_key({"evals_per_epoch", {}, "Evaluate so many times an epoch. Not with eval_steps.", "not set"},
                  [](auto& c) -> auto& { return c.train.evals_per_epoch; }, {1, kMostCount}),
      integer_key({"early_stopping_patience",
                   {{"early_stopping_steps", "LLaMA-Factory"}},
                   "The run ends after so many evaluations in a row without a lower evaluation loss. Sets "
                   "load_best_model_at_end where that is not set.",
                   "not set"},
                  [](auto& c) -> auto& { return c.train.early_stopping_patience; }, {1, kMostCount}),
      number_key({"early_stopping_threshold", {}, "A fall of the evaluation loss counts when it is more than this."},
                 [](auto& c) -> auto& { return c.train.early_stopping_threshold; }, {.low = 0}),
      bool_key(
          {"load_best_model_at_end",
           {},
           "The adapter in output_dir is the one with the lowest evaluation loss, not the last step's. Every new "
           "lowest one is saved as a checkpoint."},
          [](auto& c) -> auto& { return c.train.load_best_model_at_end; }),
      fixed_key({"metric_for_best_model", {}, "What best means: always the lowest evaluation loss."},
                {"eval_loss", "loss"}, "eval_loss", "only the evaluation loss is compared"),
      fixed_key({"greater_is_better", {}, "Whether more is better: never of a loss."}, {"false"}, "false",
                "the evaluation loss is best where it is lowest"),
      metrics_key(),
  };
}

std::vector<Key> output_keys() {
  return {
      text_key(
          {"output_dir", {}, "Where the adapter, the checkpoints and the reports go.", "required"}, "a path",
          [](auto& c) -> auto& { return c.train.output_dir; }),
      overwrite_key(),
      resume_key(),
      word_key<>(
          {"save_strategy",
           {},
           "When a checkpoint is written besides the last step's and the one a signal asks for. best: at every "
           "new lowest evaluation loss.",
           "epoch, or steps where save_steps or saves_per_epoch is set"},
          [](auto& c) -> auto& { return c.train.save_strategy; }, save_strategy_words()),
      integer_key({"save_steps", {}, "A checkpoint every so many steps. Not with saves_per_epoch.", "not set"},
                  [](auto& c) -> auto& { return c.train.save_steps; }, {1, kMostCount}),
      integer_key({"saves_per_epoch", {}, "So many checkpoints an epoch. Not with save_steps.", "not set"},
                  [](auto& c) -> auto& { return c.train.saves_per_epoch; }, {1, kMostCount}),
      number_key({"save_minutes", {}, "Also a checkpoint when the last one is so many minutes old.", "not set"},
                 [](auto& c) -> auto& { return c.train.save_minutes; }, {.low = 0, .high = 1e6, .low_open = true}),
      integer_key(
          {"save_total_limit",
           {},
           "Keep only the newest checkpoints, two at the least (1 keeps 2), and always the best by evaluation loss; 0 "
           "keeps all."},
          [](auto& c) -> auto& { return c.train.save_total_limit; }, {0, kMostCount}),
      word_key<>(
          {"on_save_error",
           {},
           "When a checkpoint does not fit on the disk: stop the run with exit code 3, or continue and try again "
           "at the next one. The older checkpoints stay whole in both."},
          [](auto& c) -> auto& { return c.train.on_save_error; },
          std::vector<Word<OnSaveError>>{{"stop", OnSaveError::kStop}, {"continue", OnSaveError::kContinue}}),
      number_key({"loss_watchdog_threshold",
                  {},
                  "A loss above this in loss_watchdog_patience steps in a row ends the run: it saves, exit code 4.",
                  "not set"},
                 [](auto& c) -> auto& { return c.train.loss_watchdog_threshold; }, {.low = 0}),
      integer_key(
          {"loss_watchdog_patience",
           {},
           "Steps in a row with a loss above loss_watchdog_threshold, or skipped for a NaN or Inf, that end the "
           "run."},
          [](auto& c) -> auto& { return c.train.loss_watchdog_patience; }, {1, kMostCount}),
      integer_key({"logging_steps", {}, "Report progress every so many steps; metrics.jsonl has every step."},
                  [](auto& c) -> auto& { return c.train.logging_steps; }, {1, kMostCount}),
      fixed_key({"report_to", {}, "Where the numbers of a step go: always to metrics.jsonl in output_dir."},
                {"jsonl", "none"}, "jsonl", "only metrics.jsonl is written in this build"),
  };
}

std::vector<Key> device_keys() {
  return {
      word_key<>({"device", {}, "What computes."}, [](auto& c) -> auto& { return c.device.device; },
                 std::vector<Word<std::string>>{{"auto", "auto"}, {"cpu", "cpu"}},
                 {{"cuda*", "this build computes on the CPU only"},
                  {"gpu", "this build computes on the CPU only"},
                  {"mps", "this build computes on the CPU only"}}),
      word_key<>(
          {"bf16",
           {},
           "Compute in bfloat16 with float32 sums. auto: where the CPU can; true: stop where it cannot; false: "
           "float32."},
          [](auto& c) -> auto& { return c.device.compute; },
          std::vector<Word<Compute>>{{"auto", Compute::kAuto}, {"true", Compute::kBF16}, {"false", Compute::kF32}},
          {{"full", "the weights that train are always float32"}}),
      word_key<>(
          {"gradient_checkpointing",
           {},
           "Compute a block's activations again in the backward pass instead of keeping them: less memory, the same "
           "numbers. auto: as memory allows. The attention is computed again only where memory is short."},
          [](auto& c) -> auto& { return c.train.gradient_checkpointing; },
          std::vector<Word<Checkpointing>>{
              {"auto", Checkpointing::kAuto}, {"true", Checkpointing::kOn}, {"false", Checkpointing::kOff}},
          {{"offload*", "moving activations to other memory is not built"},
           {"unsloth", "moving activations to other memory is not built"}}),
      max_memory_key(),
      word_key<>(
          {"kernels", {}, "The set of inner loops; auto takes the best that the CPU has."},
          [](auto& c) -> auto& { return c.device.kernels; },
          std::vector<Word<std::string>>{
              {"auto", "auto"}, {"scalar", "scalar"}, {"avx2", "avx2"}, {"avx512", "avx512"}}),
      integer_key(
          {"threads", {}, "Threads that compute.", "the CPUs this process may use"},
          [](auto& c) -> auto& { return c.device.threads; }, {1, 4096}, true),
      integer_key({"seed", {}, "What every random number of the run comes from."},
                  [](auto& c) -> auto& { return c.seed; }, {0, std::numeric_limits<std::int64_t>::max()}),
  };
}

}  // namespace vernier

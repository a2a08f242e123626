// `vernier check CONFIG`: everything that can be known in seconds without loading weights.

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/disk_space.h"
#include "commands/run_device.h"
#include "commands/run_inputs.h"
#include "commands/run_notes.h"
#include "commands/used_directory.h"
#include "data/batches.h"
#include "spec/lora_targets.h"
#include "train/trainer.h"

namespace vernier {

namespace {

std::string bytes(std::int64_t count) {
  return format_bytes(static_cast<std::uint64_t>(count));
}

void print(const char* part, const std::string& text) {
  std::printf("%-9s %s\n", part, text.c_str());
}

std::int64_t base_parameters(const ModelSpec& spec) {
  std::int64_t total = 0;
  for (const ExpectedWeight& weight : expected_weights(spec)) {
    std::int64_t elements = 1;
    for (const std::int64_t size : weight.shape) elements *= size;
    total += elements;
  }
  return total;
}

void print_rows(const char* part, const Dataset& dataset) {
  const DatasetStats stats = dataset.stats();
  print(part,
        str(count_of(stats.rows, "row"), ", ", count_of(stats.tokens, "token"), ", ", count_of(stats.targets, "target"),
            " (", stats.tokens > 0 ? 100 * stats.targets / stats.tokens : 0, " %); row shortest ", stats.shortest,
            ", median ", stats.median, ", p95 ", stats.p95, ", longest ", stats.longest));
}

void print_memory(const RunInputs& inputs, const Device& device) {
  const KeepChoice choice = choose_keep(inputs, device);
  print("memory", choice.explanation);
  print("", memory_by_purpose(choice.plan));
}

// What train would stop at, without making anything.
void check_output_dir(const TrainConfig& train) {
  namespace fs = std::filesystem;
  fs::path place = fs::absolute(train.output_dir);
  while (!fs::exists(place) && place.has_parent_path() && place != place.parent_path()) place = place.parent_path();
  if (!fs::is_directory(place) || access(place.c_str(), W_OK) != 0)
    throw Error(ErrorKind::kInput,
                str(place.string(), fs::is_directory(place) ? " is not writable" : " is not a directory"),
                str("output_dir: ", train.output_dir));
  if (const auto refused = refused_output_dir(train))
    print("output", str(refused->where(), ": ", refused->what(), "; ", refused->fix()));
}

int check_config(const std::string& config_path, const std::vector<std::string>& overrides, const Log& log) {
  RunInputs inputs = open_run(config_path, overrides, Purpose::kTrain, log);
  const Config& config = inputs.config();
  const auto targets = match_lora_targets(inputs.spec, config.lora);
  const std::int64_t trained = lora_parameters(inputs.spec, targets, config.lora.r), all = base_parameters(inputs.spec);
  check_output_dir(config.train);
  print("config", str(config_path, ": every key is right"));
  print("model", str(inputs.base->path(), ": ", inputs.spec.model_type, ", ", all, " parameters, ", inputs.spec.layers,
                     " layers, vocabulary ", inputs.spec.vocab));
  print("tokenizer", inputs.tokenizer == nullptr ? "none (tokenized rows only)"
                                                 : str(inputs.tokenizer->vocab_size(), " tokens, chat template ",
                                                       inputs.tokenizer->chat_template().empty() ? "none" : "present"));
  char share[16];
  std::snprintf(share, sizeof share, "%.2f", 100.0 * static_cast<double>(trained) / static_cast<double>(all));
  print("targets",
        str(targets.size(), " linears x rank ", config.lora.r, ": ", trained, " trainable parameters (", share, " %)"));
  read_datasets(inputs, log);
  print_rows("data", inputs.train);
  if (inputs.evaluation.size() > 0) print_rows("eval", inputs.evaluation);
  const Batches batches(inputs.train, config.batch, config.seed);
  const std::int64_t total = total_steps(config.train, batches.steps_per_epoch());
  note_long_warmup(inputs.loaded, total, log);
  const DiskNeed need = disk_need(inputs, batches.steps_per_epoch(), total);
  print("steps",
        str(total, " (", batches.steps_per_epoch(), " an epoch), checkpoint ", bytes(need.checkpoint_bytes), " each"));
  const Device device = open_run_device(config.device);
  print("device", device.description());
  print_memory(inputs, device);
  print("disk", describe(need, config.train.output_dir));
  check_disk_space(config.train.output_dir, need, log);
  return 0;
}

}  // namespace

void add_check(CommandLine& line) {
  CLI::App* command =
      line.app.add_subcommand("check", "Is the config right, what will be trained on, will it fit: in seconds");
  const auto arguments = std::make_shared<ConfigArguments>();
  arguments->add_to(*command, line.log);
  command->callback([&line, command, arguments] {
    line.run = [=](const Log& log) { return check_config(arguments->path, ConfigArguments::overrides(*command), log); };
  });
}

}  // namespace vernier

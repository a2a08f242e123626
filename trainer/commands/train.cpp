// `vernier train CONFIG`: the parts of a run, built in the order data flows through them.

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "base/stopwatch.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/disk_space.h"
#include "commands/recorded_base.h"
#include "commands/run_device.h"
#include "commands/run_identity.h"
#include "commands/run_inputs.h"
#include "commands/run_model.h"
#include "commands/run_notes.h"
#include "commands/start_run.h"
#include "commands/train_result.h"
#include "commands/used_directory.h"
#include "config/write_config.h"
#include "data/chat_template.h"
#include "data/data_report.h"
#include "io/atomic_file.h"
#include "io/run_files.h"
#include "spec/lora_targets.h"
#include "train/resume_rules.h"
#include "train/run_optimizer.h"
#include "train/trainer.h"

namespace vernier {

namespace {

struct TrainArguments {
  ConfigArguments config;
  std::vector<std::string> allow_changes;
};

PeftAdapterConfig peft_config(const Config& config) {
  PeftAdapterConfig peft;
  peft.base_model_name_or_path = config.model.base_model;
  peft.revision = config.model.revision_of_model;
  peft.r = config.lora.r;
  peft.lora_alpha = config.lora.alpha;
  peft.lora_dropout = config.lora.dropout;
  peft.use_rslora = config.lora.use_rslora;
  if (const auto* regex = std::get_if<LoraConfig::Regex>(&config.lora.target_modules)) {
    peft.target_modules = regex->pattern;
  } else if (const auto* names = std::get_if<LoraConfig::Names>(&config.lora.target_modules)) {
    peft.target_modules = *names;
  } else {
    PeftAdapterConfig::Names all;
    for (const Linear linear : kLinears) all.push_back(split(linear_name(linear), '.').back());
    peft.target_modules = all;
  }
  return peft;
}

// The template that the training rows go through; empty when no conversations are among them.
std::string training_template(const RunInputs& inputs) {
  const DataConfig& data = inputs.config().data;
  const bool chats = std::any_of(data.datasets.begin(), data.datasets.end(), [](const DatasetConfig& dataset) {
    return dataset.type == DatasetType::kChatTemplate;
  });
  return chats ? load_chat_template(data.chat_template, *inputs.tokenizer).source() : "";
}

QuantizationRecord quantization_record(const RunInputs& inputs, const Device& device, const RunIdentity& identity,
                                       const std::string& chat_template) {
  QuantizationRecord record;
  record.load_in_4bit = inputs.config().quantization.load_in_4bit;
  record.blocksize = inputs.config().quantization.blocksize;
  record.double_quant = record.load_in_4bit && inputs.config().quantization.double_quant;
  record.compute_dtype = device.compute == at::kBFloat16 ? "bf16" : "f32";
  record.base_identity = identity.base;
  if (!chat_template.empty()) record.chat_template_sha256 = sha256_hex(chat_template);
  record.vernier_version = VERNIER_VERSION;
  return record;
}

void refuse_used_directory(const TrainConfig& train) {
  if (const auto refused = refused_output_dir(train)) throw *refused;
}

// A word on the command line is checked before any work, also where it will not be needed.
void refuse_useless_words(const TrainArguments& arguments, const TrainConfig& train) {
  if (arguments.allow_changes.empty()) return;
  if (!train.resume)
    throw Error(ErrorKind::kInput, "this run does not go on from a checkpoint", "--allow-change", "add --resume");
  std::vector<std::string> notes;
  allowed_changes(arguments.allow_changes, notes);
}

void describe(const RunInputs& inputs, const Decoder& model, const Device& device, const Batches& batches,
              std::int64_t total, const KeepChoice& keep, const Log& log) {
  const DatasetStats stats = inputs.train.stats();
  const Config& config = inputs.config();
  log.info(str("base      ", inputs.base->name(), ", ", inputs.spec.layers, " layers, ",
               config.quantization.load_in_4bit ? "NF4" : "as stored", ", ",
               format_bytes(static_cast<std::uint64_t>(model.frozen_bytes()))));
  log.info(str("adapters  ", model.lora->targets().size(), " linears, rank ", model.lora->rank(), ", ",
               model.lora->values().numel(), " trained parameters"));
  log.info(str("data      ", count_of(stats.rows, "row"), ", ", count_of(stats.tokens, "token"), ", ",
               count_of(stats.targets, "target"),
               inputs.evaluation.size() > 0 ? str("; evaluation ", count_of(inputs.evaluation.size(), "row")) : ""));
  log.info(str("steps     ", total, " of ", config.batch.micro_batch_size, " x ",
               config.batch.gradient_accumulation_steps, " rows (", batches.steps_per_epoch(), " an epoch)"));
  log.info(str("device    ", device.description()));
  log.info(str("memory    ", keep.explanation));
  log.debug(str("memory    ", memory_by_purpose(keep.plan)));
}

int train(const TrainArguments& arguments, const std::vector<std::string>& overrides, const Log& log) {
  const Stopwatch since;
  const RunSignals signals;
  RunInputs inputs = open_run(arguments.config.path, overrides, Purpose::kTrain, log);
  const Config& config = inputs.config();
  refuse_useless_words(arguments, config.train);
  refuse_used_directory(config.train);
  read_datasets(inputs, log);
  const std::string chat_template = training_template(inputs);
  note_start_template(config.lora, chat_template, log);
  const Device device = open_run_device(config.device);
  const KeepChoice keep = choose_keep(inputs, device);
  const Batches batches(inputs.train, config.batch, config.seed);
  const std::int64_t total = total_steps(config.train, batches.steps_per_epoch());
  note_long_warmup(inputs.loaded, total, log);

  make_directories(config.train.output_dir);
  const OutputLock lock(config.train.output_dir);
  check_disk_space(config.train.output_dir, disk_need(inputs, batches.steps_per_epoch(), total), log);
  refuse_used_directory(config.train);  // again: another run may have ended here while the rows were read
  Stopwatch watch;
  Decoder model = load_run_model(inputs, device);
  log.debug(str("model loaded in ", watch.text()));
  Optimizer optimizer = make_optimizer(*model.lora, config.optimizer, keep.paging);
  watch = Stopwatch();
  const RunIdentity identity = run_identity(inputs, device, *model.lora, total);
  log.debug(str("base, rows and program hashed in ", watch.text()));
  log.debug(str("settings ", identity.settings.dump()));
  if (const std::string& adapter = config.lora.lora_model_dir; !adapter.empty())
    note_other_base(adapter, inputs.base->path(), identity.base, log);
  const TrainerState state =
      start_or_resume(config.train, arguments.allow_changes, {model, optimizer, identity, total}, lock, log);

  write_run_file(lock, "config.resolved.yaml", write_config(inputs.loaded));
  write_run_file(lock, "data_report.jsonl", data_report_lines(inputs.train.reports));
  write_run_file(lock, "run.json", run_json(identity));
  describe(inputs, model, device, batches, total, keep, log);
  const AdapterFiles files{peft_config(config), quantization_record(inputs, device, identity, chat_template),
                           chat_template};
  Trainer trainer(config.train, config.optimizer, config.batch, {keep.kept, keep.plan.kept + keep.plan.working}, files,
                  identity, state,
                  {device, model, batches, optimizer, inputs.evaluation.size() > 0 ? &inputs.evaluation : nullptr,
                   inputs.train, lock, signals, since, log});
  const RunSummary summary = trainer.run();
  print_result(summary, config.train, !chat_template.empty());
  return is_resumable(summary.end) ? kExitResumable : 0;
}

}  // namespace

void add_train(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("train", "Fine-tune: Ctrl-C saves and is safe, --resume goes on");
  const auto arguments = std::make_shared<TrainArguments>();
  arguments->config.add_to(*command, line.log);
  const auto resume = std::make_shared<bool>(false), overwrite = std::make_shared<bool>(false);
  command->add_flag("--resume", *resume, "Go on from the newest whole checkpoint in output_dir");
  command->add_flag("--overwrite-output-dir", *overwrite,
                    "Delete checkpoints and adapter in output_dir and start again");
  command
      ->add_option(
          "--allow-change", arguments->allow_changes,
          "With --resume: keys of the config that may be others than in the checkpoint (repeatable, or with commas)")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->callback([&line, command, arguments, resume, overwrite] {
    line.result_on_stdout = false;
    line.run = [=](const Log& log) {
      std::vector<std::string> overrides = ConfigArguments::overrides(*command);
      if (*resume) overrides.push_back("resume_from_checkpoint=true");
      if (*overwrite) overrides.push_back("overwrite_output_dir=true");
      return train(*arguments, overrides, log);
    };
  });
}

}  // namespace vernier

// `vernier train CONFIG`: the parts of a run, built in the order data flows through them.

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/hash.h"
#include "base/stopwatch.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/run_device.h"
#include "commands/run_identity.h"
#include "commands/run_inputs.h"
#include "commands/run_model.h"
#include "commands/run_notes.h"
#include "commands/used_directory.h"
#include "config/write_config.h"
#include "data/chat_template.h"
#include "data/data_report.h"
#include "io/atomic_file.h"
#include "io/run_store.h"
#include "train/run_optimizer.h"
#include "train/trainer.h"

namespace vernier {

namespace {

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

void start_fresh(const TrainConfig& train, const OutputLock& lock) {
  remove_checkpoints(lock);
  for (const char* name :
       {"metrics.jsonl", kAdapterWeightsName, kAdapterConfigName, kQuantizationRecordName, kAdapterTemplateName})
    remove_tree(train.output_dir + "/" + name);
}

std::string checkpoint_to_resume(const TrainConfig& train, const Log& log) {
  if (!train.resume_from.empty()) {
    verify_checkpoint(train.resume_from);
    return train.resume_from;
  }
  std::vector<std::string> notes;
  const auto newest = newest_good_checkpoint(train.output_dir, notes);
  for (const std::string& note : notes) log.warning(note);
  if (newest) return newest->path;
  if (!notes.empty())
    throw Error(ErrorKind::kIntegrity, "no checkpoint here is whole", train.output_dir,
                "--overwrite-output-dir starts again");
  log.info(str("no checkpoint in ", train.output_dir, " yet: starting from the beginning"));
  return "";
}

TrainerState resume_state(const TrainConfig& train, const Decoder& model, Optimizer& optimizer,
                          const RunIdentity& identity, const OutputLock& lock, const Log& log) {
  std::vector<std::string> notes;
  clean_leftovers(lock, notes);
  TrainerState state;
  const bool resume = train.resume || !train.resume_from.empty();
  const std::string checkpoint = resume ? checkpoint_to_resume(train, log) : "";
  if (checkpoint.empty()) {
    start_fresh(train, lock);
  } else {
    state = restore_checkpoint(checkpoint, model, optimizer, identity, notes);
    if (const auto note = cut_back(train.output_dir + "/metrics.jsonl", state.metrics_bytes)) notes.push_back(*note);
    log.info(str("resuming after step ", state.step, " from ", checkpoint));
  }
  for (const std::string& note : notes) log.warning(note);
  return state;
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

void print_result(const RunSummary& summary, const TrainConfig& train, bool chats) {
  if (summary.already_done) {
    std::printf("already finished after step %lld: nothing to do\n", static_cast<long long>(summary.steps));
    return;
  }
  std::printf("%s after step %lld, %s, %.0f tokens/s, peak memory %s\n",
              summary.end == RunEnd::kFinished ? "finished" : "stopped", static_cast<long long>(summary.steps),
              format_duration(summary.seconds).c_str(),
              summary.seconds > 0 ? static_cast<double>(summary.tokens) / summary.seconds : 0,
              format_bytes(static_cast<std::uint64_t>(peak_rss_bytes())).c_str());
  if (summary.end == RunEnd::kStoppedBySignal) {
    std::printf("go on with --resume\n");
    return;
  }
  if (summary.last_loss) std::printf("loss %s\n", format_float(*summary.last_loss).c_str());
  if (summary.last_eval_loss) std::printf("eval_loss %s\n", format_float(*summary.last_eval_loss).c_str());
  // What did not learn from conversations continues texts.
  const char *const dir = train.output_dir.c_str(), *const raw = chats ? "" : "--raw ";
  std::printf(
      "adapter in %s\n  vernier generate --adapter %s %s--prompt \"...\"\n  vernier merge --adapter %s --out DIR\n",
      dir, dir, raw, dir);
}

int train(const std::string& config_path, const std::vector<std::string>& overrides, const Log& log) {
  RunInputs inputs = open_run(config_path, overrides, Purpose::kTrain, log);
  const Config& config = inputs.config();
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
  refuse_used_directory(config.train);  // again: another run may have ended here while the rows were read
  Stopwatch watch;
  Decoder model = load_run_model(inputs, device);
  log.debug(str("model loaded in ", watch.text()));
  Optimizer optimizer = make_optimizer(*model.lora, config.optimizer, keep.paging);
  watch = Stopwatch();
  const RunIdentity identity = run_identity(inputs, device, *model.lora, total);
  log.debug(str("base, rows and program hashed in ", watch.text()));
  log.debug(str("settings ", identity.settings.dump()));
  const TrainerState state = resume_state(config.train, model, optimizer, identity, lock, log);

  write_file_atomically(config.train.output_dir + "/config.resolved.yaml", write_config(inputs.loaded));
  write_data_report(config.train.output_dir + "/data_report.jsonl", inputs.train.reports);
  write_file_atomically(config.train.output_dir + "/run.json", run_json(identity));
  describe(inputs, model, device, batches, total, keep, log);
  const AdapterFiles files{peft_config(config), quantization_record(inputs, device, identity, chat_template),
                           chat_template};
  Trainer trainer(config.train, config.optimizer, config.batch, {keep.kept_layers, keep.plan.kept + keep.plan.working},
                  files, identity,
                  {device, model, batches, optimizer, inputs.evaluation.size() > 0 ? &inputs.evaluation : nullptr,
                   inputs.train, lock, log});
  const RunSummary summary = trainer.run(state);
  print_result(summary, config.train, !chat_template.empty());
  return summary.end == RunEnd::kFinished ? 0 : kExitResumable;
}

}  // namespace

void add_train(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("train", "Fine-tune: Ctrl-C saves and is safe, --resume goes on");
  const auto arguments = std::make_shared<ConfigArguments>();
  arguments->add_to(*command, line.log);
  const auto resume = std::make_shared<bool>(false), overwrite = std::make_shared<bool>(false);
  command->add_flag("--resume", *resume, "Go on from the newest whole checkpoint in output_dir");
  command->add_flag("--overwrite-output-dir", *overwrite,
                    "Delete checkpoints and adapter in output_dir and start again");
  command->callback([&line, command, arguments, resume, overwrite] {
    line.run = [=](const Log& log) {
      std::vector<std::string> overrides = ConfigArguments::overrides(*command);
      if (*resume) overrides.push_back("resume_from_checkpoint=true");
      if (*overwrite) overrides.push_back("overwrite_output_dir=true");
      return train(arguments->path, overrides, log);
    };
  });
}

}  // namespace vernier

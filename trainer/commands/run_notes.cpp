#include "commands/run_notes.h"

#include "base/text.h"
#include "io/peft_files.h"
#include "optim/schedule.h"

namespace vernier {

namespace {

std::string place_of(const LoadedConfig& loaded, const char* key) {
  return loaded.origins.at(key).place.text();
}

// The ids of a key of config.json, a number or a list of them.
std::vector<std::int64_t> ids_of(const Json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end()) return {};
  if (found->is_number_integer()) return {found->get<std::int64_t>()};
  std::vector<std::int64_t> ids;
  if (found->is_array())
    for (const Json& id : *found)
      if (id.is_number_integer()) ids.push_back(id.get<std::int64_t>());
  return ids;
}

bool has_token(const Tokenizer& tokenizer, std::int64_t id) {
  return id >= 0 && id < tokenizer.vocab_size() && !tokenizer.token_text(static_cast<TokenId>(id)).empty();
}

std::string quantized_text(bool in_4bit, std::int64_t blocksize, bool double_quant) {
  if (!in_4bit) return "weights as stored";
  return str("NF4 weights (blocksize ", blocksize, double_quant ? ", double quantization)" : ")");
}

}  // namespace

void note_model_limit(const LoadedConfig& loaded, std::int64_t max_positions, const Log& log) {
  const std::int64_t asked = loaded.config.data.sequence_len;
  if (asked <= max_positions) return;
  log.info(str(place_of(loaded, "sequence_len"), ": sequence_len ", asked, " is above the model's ", max_positions,
               " positions: ", max_positions, " is used"));
}

void note_foreign_tokenizer(const RunInputs& inputs, const Log& log) {
  if (inputs.tokenizer == nullptr) return;
  const Tokenizer& tokenizer = *inputs.tokenizer;
  // Embeddings are padded to round numbers of rows, by less than a tenth.
  if (10 * tokenizer.vocab_size() < 9 * inputs.spec.vocab)
    log.warning(str(inputs.base->path(), ": the tokenizer has ", tokenizer.vocab_size(), " tokens and the model ",
                    inputs.spec.vocab, ": is it this model's?"));
  for (const char* key : {"bos_token_id", "eos_token_id"})
    for (const std::int64_t id : ids_of(inputs.base->config(), key))
      if (!has_token(tokenizer, id))
        log.warning(str(inputs.base->path(), ": config.json's ", key, " ", id,
                        " is no token of the tokenizer: is it this model's?"));
}

void note_start_adapter(const LoadedConfig& loaded, const Log& log) {
  const std::string& dir = loaded.config.lora.lora_model_dir;
  const auto record = read_quantization_record(dir);
  if (!record) return;
  const QuantizationConfig& ours = loaded.config.quantization;
  const std::string trained = quantized_text(record->load_in_4bit, record->blocksize, record->double_quant);
  const std::string here = quantized_text(ours.load_in_4bit, ours.blocksize, ours.double_quant);
  if (trained == here) return;
  log.warning(str(place_of(loaded, "lora_model_dir"), ": the adapter in ", dir, " was trained on ", trained,
                  ", and this run is on ", here, ": it starts as another function than the one that was trained"));
}

void note_start_template(const LoraConfig& lora, const std::string& source, const Log& log) {
  if (lora.lora_model_dir.empty() || source.empty()) return;
  const auto theirs = read_adapter_template_file(lora.lora_model_dir);
  if (theirs && *theirs != source)
    log.warning(str("the adapter in ", lora.lora_model_dir, " was trained with another chat template, its ",
                    kAdapterTemplateName));
}

void note_long_warmup(const LoadedConfig& loaded, std::int64_t total_steps, const Log& log) {
  const OptimizerConfig& optimizer = loaded.config.optimizer;
  const std::int64_t steps = warmup_steps(optimizer, total_steps);
  if (optimizer.lr_scheduler == Scheduler::kConstant || steps <= total_steps) return;
  log.info(str(place_of(loaded, "warmup_steps"), ": warmup_steps ", steps, " is longer than the run of ",
               count_of(total_steps, "step"), ": learning_rate is never reached"));
}

}  // namespace vernier

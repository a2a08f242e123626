#include "commands/open_model.h"

#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "commands/recorded_base.h"
#include "io/peft_files.h"
#include "model/adapter.h"
#include "model/load_model.h"

namespace vernier {

namespace {

ComputeRequest parse_compute(const std::string& word) {
  if (word == "auto") return ComputeRequest::kAuto;
  if (word == "bf16" || word == "true") return ComputeRequest::kBF16;
  if (word == "f32" || word == "false") return ComputeRequest::kF32;
  throw Error(ErrorKind::kInput, str("unknown value \"", word, "\""), "--bf16", "one of auto, true, false");
}

LoadOptions quantization_of(const ModelRequest& request) {
  LoadOptions options;
  if (!request.adapter.empty()) {
    if (const auto record = read_quantization_record(request.adapter)) {
      options.load_in_4bit = record->load_in_4bit;
      options.quantization.blocksize = record->blocksize;
      options.quantization.double_quant = record->double_quant;
    }
  }
  if (request.load_in_4bit) options.load_in_4bit = *request.load_in_4bit;
  options.quantization.load_in_4bit = options.load_in_4bit;
  return options;
}

std::string function_text(const LoadOptions& options) {
  if (!options.load_in_4bit) return "as stored";
  return str("as NF4 (blocksize ", options.quantization.blocksize,
             options.quantization.double_quant ? ", double quantization)" : ")");
}

}  // namespace

std::optional<bool> parse_load_in_4bit(const std::string& word) {
  if (word.empty()) return std::nullopt;
  if (word == "true") return true;
  if (word == "false") return false;
  throw Error(ErrorKind::kInput, str("unknown value \"", word, "\""), "--load-in-4bit", "true or false");
}

FoundModel find_model(const ModelRequest& request) {
  check(!request.base.empty() || !request.adapter.empty(), "a base or an adapter is named");
  const AdapterBase named = request.base.empty() ? read_adapter_base(request.adapter) : AdapterBase{request.base, ""};
  FoundModel found;
  found.base = std::make_unique<ModelDir>(named.name, named.revision);
  found.spec = parse_model_spec(found.base->config(), found.base->path());
  return found;
}

OpenedModel open_model(FoundModel found, const ModelRequest& request, const Log& log) {
  check(request.max_row_tokens > 0, "the longest row is known");
  OpenedModel opened;
  opened.base = std::move(found.base);
  LoadOptions options = quantization_of(request);
  options.max_row_tokens = request.max_row_tokens;
  opened.device = open_device(request.device, request.kernels, parse_compute(request.compute), request.threads);
  opened.model = load_base(*opened.base, found.spec, options, opened.device);
  if (!request.adapter.empty()) load_adapter(opened.model, request.adapter, opened.base->path());
  log.info(str("base ", opened.base->name(), " ", function_text(options),
               request.adapter.empty() ? "" : str(", adapter ", request.adapter), ", ", opened.device.description()));
  if (!request.adapter.empty()) note_other_base(request.adapter, *opened.base, log);
  return opened;
}

}  // namespace vernier

#include "commands/open_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "io/peft_files.h"
#include "model/adapter.h"
#include "model/load_model.h"

namespace vernier {

namespace {

constexpr std::int64_t kMostRowTokens = 8192;

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

OpenedModel open_model(const ModelRequest& request, const Log& log) {
  std::string base = request.base;
  if (base.empty() && !request.adapter.empty()) base = read_adapter_config(request.adapter).base_model_name_or_path;
  if (base.empty())
    throw Error(ErrorKind::kInput, "no base model", "command line",
                "--base DIR, or --adapter DIR of an adapter that names its base");
  OpenedModel opened;
  opened.base = std::make_unique<ModelDir>(base);
  const ModelSpec spec = parse_model_spec(opened.base->config(), opened.base->path());
  LoadOptions options = quantization_of(request);
  options.max_row_tokens =
      request.max_row_tokens > 0 ? request.max_row_tokens : std::min(spec.max_positions, kMostRowTokens);
  opened.device = open_device(request.device, request.kernels, parse_compute(request.compute), request.threads);
  opened.model = load_base(*opened.base, spec, options, opened.device);
  if (!request.adapter.empty()) load_adapter(opened.model, request.adapter);
  log.info(str("base ", base, " ", function_text(options),
               request.adapter.empty() ? "" : str(", adapter ", request.adapter), ", ", opened.device.description()));
  return opened;
}

}  // namespace vernier

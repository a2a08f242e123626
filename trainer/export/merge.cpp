#include "export/merge.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "data/adapter_template.h"
#include "data/tokenizer.h"
#include "export/merged_config.h"
#include "export/merged_weights.h"
#include "export/output_directory.h"
#include "io/atomic_file.h"
#include "io/peft_files.h"
#include "model/adapter.h"
#include "model/load_model.h"

namespace vernier {

namespace {

ModelDir open_base(const MergeRequest& request) {
  if (!request.base.empty()) return ModelDir(request.base, request.revision);
  const AdapterBase named = read_adapter_base(request.adapter);
  return ModelDir(named.name, named.revision);
}

void check_identity(const ModelDir& base, const std::string& trained_on, const std::string& adapter, const Log& log) {
  if (trained_on.empty()) {
    log.warning(str(adapter, " does not record which base it was trained on: it is taken to be ", base.name()));
  } else if (base.identity() != trained_on) {
    throw Error(ErrorKind::kInput, str("the adapter was trained on another base than ", base.path()),
                adapter + "/" + kQuantizationRecordName, "--base names the base it was trained on");
  }
}

// The adapter's tensors without the base's: a decoder that has nothing else.
Decoder load_adapter_alone(const ModelDir& base, const ModelSpec& spec, const std::string& adapter,
                           const Device& device) {
  Decoder model;
  model.spec = spec;
  load_adapter(model, adapter, base.path());
  bool changes = false;
  for (const TrainedTensor& trained : model.lora->tensors()) {
    const std::string where = str(adapter, "/", kAdapterWeightsName, ": ", trained.name);
    if (!device.ops->all_finite(trained.value)) throw Error(ErrorKind::kNumeric, "holds NaN or Inf", where);
    changes |= ends_with(trained.name, ".lora_B.weight") && device.ops->sum_of_squares(trained.value) > 0;
  }
  if (!changes)
    throw Error(ErrorKind::kInput, "the adapter changes nothing: every lora_B is zero",
                adapter + "/" + kAdapterWeightsName, "it was saved before it was trained");
  return model;
}

struct Plan {
  MergeOnto onto = MergeOnto::kOriginal;
  Dtype dtype = Dtype::kBF16;
  std::optional<QuantizationConfig> quantization;
};

Plan make_plan(const MergeRequest& request, const std::optional<QuantizationRecord>& record, const ModelDir& base) {
  const bool trained_in_4bit = record && record->load_in_4bit;
  Plan plan;
  plan.onto = request.onto.value_or(trained_in_4bit ? MergeOnto::kDequantized : MergeOnto::kOriginal);
  if (plan.onto == MergeOnto::kDequantized) {
    plan.quantization = QuantizationConfig();
    if (trained_in_4bit) plan.quantization->blocksize = record->blocksize;
    if (trained_in_4bit) plan.quantization->double_quant = record->double_quant;
  }
  const Dtype stored = base.find(weight_name(0, Linear::kQ))->dtype;
  plan.dtype = request.dtype.value_or(stored == Dtype::kF32 ? Dtype::kF32 : Dtype::kBF16);
  return plan;
}

std::string onto_text(const Plan& plan) {
  if (plan.onto == MergeOnto::kOriginal) return "the original weights";
  return str("the dequantized NF4 weights (blocksize ", plan.quantization->blocksize,
             plan.quantization->double_quant ? ", double quantization)" : ")");
}

void say_what_was_trained(const Plan& plan, const std::optional<QuantizationRecord>& record, const Log& log) {
  const bool dequantized = plan.onto == MergeOnto::kDequantized;
  if (!record && dequantized) {
    log.warning("the adapter does not say how its base was quantized: NF4 with the defaults is assumed");
  } else if (record && record->load_in_4bit != dequantized) {
    log.warning(str("the adapter was trained on ", record->load_in_4bit ? "4-bit" : "unquantized",
                    " weights; this merge is another function than the one that was trained"));
  }
}

// The template that the adapter was trained with, where it is another than the base's: a merged model would answer in
// the wrong form without it. Empty: the base's own stays.
std::string template_to_carry(const std::string& adapter, const Tokenizer* tokenizer, const Log& log) {
  const std::string own = tokenizer == nullptr ? "" : tokenizer->chat_template();
  const AdapterTemplate found = read_adapter_template(adapter, own);
  if (!found.doubt.empty()) log.warning(found.doubt);
  if (!found.source || *found.source == own) return "";
  log.info("the chat template is the adapter's, in place of the base's");
  return *found.source;
}

void write_result(const ModelDir& base, const MergedWeights& weights, const std::vector<DeclaredTensor>& tensors,
                  Dtype dtype, const std::string& chat_template, const std::string& directory, const Log& log) {
  write_sharded_safetensors(directory, tensors, [&](const DeclaredTensor& tensor, const TensorSink& sink) {
    log.debug("merging " + tensor.name);
    weights.produce(tensor, sink);
  });
  write_file_synced(directory + "/config.json", merged_config(base, dtype, log).dump(2) + "\n");
  auto companions = companion_files(base);
  if (!chat_template.empty()) set_chat_template(companions, chat_template);
  for (const auto& [name, bytes] : companions) write_file_synced(directory + "/" + name, bytes);
}

[[noreturn]] void result_differs(const std::string& what, const std::string& directory) {
  throw Error(ErrorKind::kIntegrity, str("the merged model does not read back: ", what), directory,
              "the disk may be failing");
}

// A text with what tokenizers differ in: digits, capitals, contractions, runs of spaces, scripts, an emoji.
constexpr const char* kProbe =
    "Pump-07 reads 1234.5 kPa;  it's HIGH, we'LL see\n\n\tna\xC3\xAFve \xE6\xB5\x8B\xE8\xAF\x95 \xF0\x9F\x98\x80 end ";

void check_tokenizer(const Tokenizer* before, const std::string& chat_template, const ModelDir& merged) {
  const auto after = load_tokenizer(merged);
  if ((before == nullptr) != (after == nullptr)) result_differs("its tokenizer is missing", merged.path());
  if (before == nullptr) return;
  const SpecialTokens &a = before->special(), &b = after->special();
  const bool same_special = a.bos == b.bos && a.eos == b.eos && a.add_bos == b.add_bos && a.add_eos == b.add_eos;
  const std::string& expected = chat_template.empty() ? before->chat_template() : chat_template;
  if (!same_special || before->vocab_size() != after->vocab_size() || expected != after->chat_template() ||
      before->encode(kProbe) != after->encode(kProbe))
    result_differs("its tokenizer is another than the base's", merged.path());
}

void check_result(const Tokenizer* tokenizer, const std::string& chat_template,
                  const std::vector<DeclaredTensor>& tensors, const std::string& directory) {
  const ModelDir merged(directory);
  check_weights(merged, parse_model_spec(merged.config(), directory));
  if (merged.weights().size() != tensors.size()) result_differs("it has another number of tensors", directory);
  for (const DeclaredTensor& tensor : tensors) {
    const WeightInfo* found = merged.find(tensor.name);
    if (found == nullptr || found->dtype != tensor.dtype || found->shape != tensor.shape)
      result_differs("tensor " + tensor.name, directory);
  }
  check_tokenizer(tokenizer, chat_template, merged);
}

}  // namespace

MergeSummary merge_adapter(const MergeRequest& request, const Device& device, const Log& log) {
  check(device.compute == at::kFloat, "merging computes in f32");
  OutputDirectory out(request.out);
  const ModelDir base = open_base(request);
  const ModelSpec spec = parse_model_spec(base.config(), base.path());
  check_weights(base, spec);
  const auto record = read_quantization_record(request.adapter);
  const Decoder adapter = load_adapter_alone(base, spec, request.adapter, device);
  check_identity(base, record ? record->base_identity : "", request.adapter, log);
  const Plan plan = make_plan(request, record, base);
  const MergedWeights weights(base, spec, *adapter.lora, plan.quantization, device);
  const std::vector<DeclaredTensor> tensors = weights.tensors(plan.dtype);
  MergeSummary summary{plan.onto, plan.dtype, static_cast<std::int64_t>(adapter.lora->targets().size()), 0};
  for (const DeclaredTensor& tensor : tensors) summary.bytes += tensor_bytes(tensor);
  log.info(str("merging ", request.adapter, " (", summary.merged_linears, " linears) into ", base.name(), " onto ",
               onto_text(plan), ", ", plan.dtype == Dtype::kF32 ? "f32" : "bf16", ", ", format_bytes(summary.bytes)));
  say_what_was_trained(plan, record, log);
  const auto tokenizer = load_tokenizer(base);
  const std::string chat_template = template_to_carry(request.adapter, tokenizer.get(), log);
  // Beside the weights: headers, tokenizer, config.
  constexpr std::uint64_t kOtherFiles = std::uint64_t{64} << 20;
  out.require_space(summary.bytes + kOtherFiles);
  const std::string& directory = out.open();
  write_result(base, weights, tensors, plan.dtype, chat_template, directory, log);
  check_result(tokenizer.get(), chat_template, tensors, directory);
  out.commit();
  return summary;
}

}  // namespace vernier

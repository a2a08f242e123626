#include "model/adapter.h"

#include <set>

#include "base/error.h"
#include "base/text.h"
#include "io/peft_files.h"
#include "model/load_model.h"
#include "tensor/tensor_files.h"

namespace vernier {

namespace {

std::string weights_path(const std::string& dir) {
  return dir + "/" + kAdapterWeightsName;
}

void refuse_leftovers(const Decoder& model, const SafetensorsFile& file) {
  std::set<std::string> wanted;
  for (const TrainedTensor& trained : model.lora->tensors()) wanted.insert(trained.name);
  for (const SafeTensor& tensor : file.tensors())
    if (!wanted.contains(tensor.name))
      throw Error(ErrorKind::kInput, str("tensor ", tensor.name, " belongs to no target of the adapter's config"),
                  file.path());
}

}  // namespace

LoraConfig read_adapter_options(const std::string& dir) {
  const PeftAdapterConfig peft = read_adapter_config(dir);
  LoraConfig lora;
  lora.r = peft.r;
  lora.alpha = peft.lora_alpha;
  lora.dropout = peft.lora_dropout;
  lora.use_rslora = peft.use_rslora;
  if (const auto* names = std::get_if<PeftAdapterConfig::Names>(&peft.target_modules)) {
    lora.target_modules = *names;
  } else if (const auto& pattern = std::get<PeftAdapterConfig::Regex>(peft.target_modules); pattern == "all-linear") {
    lora.target_modules = LoraConfig::AllLinear{};
  } else {
    lora.target_modules = LoraConfig::Regex{pattern};
  }
  return lora;
}

void load_adapter_tensors(const Decoder& model, const std::string& dir) {
  const SafetensorsFile file(weights_path(dir));
  refuse_leftovers(model, file);
  for (const TrainedTensor& trained : model.lora->tensors()) read_f32_into(file, trained.name, trained.value);
}

void load_adapter(Decoder& model, const std::string& dir, std::uint64_t seed) {
  add_lora(model, read_adapter_options(dir), seed);
  load_adapter_tensors(model, dir);
}

void write_adapter_tensors(const Decoder& model, const std::string& path) {
  NamedTensors tensors;
  for (const TrainedTensor& trained : model.lora->tensors()) tensors.emplace_back(trained.name, trained.value);
  write_tensors(path, tensors);
}

}  // namespace vernier

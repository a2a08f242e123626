#include "model/adapter.h"

#include <algorithm>
#include <set>
#include <span>

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

std::string shape_text(std::span<const std::int64_t> shape) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : shape) sizes.push_back(str(size));
  return "[" + join(sizes, ", ") + "]";
}

// What is wrong with the first tensor that does not fit; empty when all do.
std::string first_misfit(const Decoder& model, const SafetensorsFile& file) {
  std::set<std::string> wanted;
  for (const TrainedTensor& trained : model.lora->tensors()) {
    wanted.insert(trained.name);
    const SafeTensor* found = file.find(trained.name);
    if (found == nullptr) return str("there is no tensor ", trained.name);
    if (const std::span<const std::int64_t> needed = trained.value.sizes(); !std::ranges::equal(found->shape, needed))
      return str("tensor ", trained.name, " has shape ", shape_text(found->shape), " where ", shape_text(needed),
                 " is needed");
  }
  for (const SafeTensor& tensor : file.tensors())
    if (!wanted.contains(tensor.name)) return str("tensor ", tensor.name, " belongs to no target");
  return "";
}

Error misfit_error(const std::string& misfit, const std::string& dir, const std::string& base) {
  const std::string named = read_adapter_config(dir).base_model_name_or_path;
  return Error(ErrorKind::kInput, str("the adapter was made for another base or for other targets: ", misfit),
               weights_path(dir),
               str(base.empty() ? "" : str("the base here is ", base, "; "), kAdapterConfigName,
                   named.empty() ? " names no base" : str(" names ", named, " as its base")));
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

void load_adapter_tensors(const Decoder& model, const std::string& dir, const std::string& base) {
  const SafetensorsFile file(verified_adapter_file(dir, kAdapterWeightsName));
  if (const std::string misfit = first_misfit(model, file); !misfit.empty()) throw misfit_error(misfit, dir, base);
  for (const TrainedTensor& trained : model.lora->tensors()) read_f32_into(file, trained.name, trained.value);
}

void load_adapter(Decoder& model, const std::string& dir, const std::string& base) {
  add_lora(model, read_adapter_options(dir), 0);  // the adapter's values take the place of the drawn ones
  load_adapter_tensors(model, dir, base);
}

void write_adapter_tensors(const Decoder& model, const std::string& path, FileSystem& files) {
  NamedTensors tensors;
  for (const TrainedTensor& trained : model.lora->tensors()) tensors.emplace_back(trained.name, trained.value);
  write_tensors(path, tensors, {}, files);
}

}  // namespace vernier

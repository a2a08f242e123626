#include "commands/run_model.h"

#include "model/adapter.h"
#include "model/load_model.h"

namespace vernier {

Decoder load_run_model(const RunInputs& inputs, const Device& device) {
  const Config& config = inputs.config();
  Decoder model = load_base(*inputs.base, inputs.spec,
                            {config.quantization.load_in_4bit, config.quantization, longest_row(inputs)}, device);
  add_lora(model, config.lora, config.seed);
  if (!config.lora.lora_model_dir.empty()) load_adapter_tensors(model, config.lora.lora_model_dir, inputs.base->path());
  return model;
}

}  // namespace vernier

#pragma once
// Which linears get an adapter: PEFT's matching rules for target_modules (docs/formats.md).

#include <string>
#include <vector>

#include "config/config.h"
#include "spec/model_spec.h"

namespace vernier {

struct LoraTarget {
  std::int64_t layer;
  Linear linear;
};

// The matched linears in order (layer, then kLinears). A name matches a module whose path is it or ends with "." + it;
// a regular expression must match the whole path. Error(kInput) naming what matched nothing, with the model's linears.
std::vector<LoraTarget> match_lora_targets(const ModelSpec& spec, const LoraConfig& lora);

// Sum over the targets of r * (in + out).
std::int64_t lora_parameters(const ModelSpec& spec, const std::vector<LoraTarget>& targets, std::int64_t r);

// alpha / r, or alpha / sqrt(r) with use_rslora (Kalajdzievski 2023).
double lora_scaling(const LoraConfig& lora);

}  // namespace vernier

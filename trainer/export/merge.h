#pragma once
// An adapter merged into its base: a Hugging Face model directory that any program loads, without this one.

#include <cstdint>
#include <optional>
#include <string>

#include "base/float_types.h"
#include "base/log.h"
#include "tensor/device.h"

namespace vernier {

enum class MergeOnto {
  kDequantized,  // what the 4-bit codes decode to: the function that QLoRA trains
  kOriginal,     // the stored values
};

struct MergeRequest {
  std::string adapter;            // PEFT's directory
  std::string base, revision;     // empty: what the adapter's config names
  std::string out;                // absent or an empty directory
  std::optional<MergeOnto> onto;  // unset: what vernier.json says was trained
  std::optional<Dtype> dtype;     // kF32 or kBF16; unset: f32 for an f32 base, else bf16
};

struct MergeSummary {
  MergeOnto onto = MergeOnto::kOriginal;
  Dtype dtype = Dtype::kBF16;
  std::int64_t merged_linears = 0;
  std::uint64_t bytes = 0;  // of the weights
};

// Writes config.json, the weights, and the tokenizer's files, with the chat template that lies beside the adapter;
// reads the result back before it gets its name. Says on the log what is merged onto what. Precondition: `device`
// computes in f32. Error(kInput): an adapter that is not this base's (shapes, missing or extra tensors, another base's
// identity) or that changes nothing, an --out that holds something; Error(kResource): too little disk; Error(kNumeric):
// NaN or Inf.
MergeSummary merge_adapter(const MergeRequest& request, const Device& device, const Log& log);

}  // namespace vernier

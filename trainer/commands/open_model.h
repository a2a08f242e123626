#pragma once
// A base with or without an adapter, opened as the function it is: an adapter's vernier.json says how its base was
// quantized, and that is what generate, eval, logits and merge compute unless told otherwise.

#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "io/model_dir.h"
#include "model/decoder.h"
#include "spec/model_spec.h"
#include "tensor/device.h"

namespace vernier {

struct ModelRequest {
  std::string base;                                                 // empty: the adapter's base_model_name_or_path
  std::string adapter;                                              // empty: the base alone, as stored
  std::optional<bool> load_in_4bit;                                 // --load-in-4bit
  std::int64_t max_row_tokens = 0;                                  // the longest row that will be run
  std::string device = "auto", kernels = "auto", compute = "auto";  // compute: auto | bf16 | f32
  std::int64_t threads = 0;
};

// A base as its files describe it, before a weight is read: what rows and prompts are checked against.
struct FoundModel {
  std::unique_ptr<ModelDir> base;
  ModelSpec spec;
};

struct OpenedModel {
  std::unique_ptr<ModelDir> base;
  Device device;
  Decoder model;
};

// "true", "false" or "" (unset); Error(kInput) for another word.
std::optional<bool> parse_load_in_4bit(const std::string& word);

// The base that the request or its adapter names, a hub id at the adapter's revision. Error(kInput) when there is none,
// or none that this build reads. Precondition: the request names a base or an adapter.
FoundModel find_model(const ModelRequest& request);

// Loads what find_model found. Prints one line on what was opened ("base X as NF4 (double quantization, blocksize 64),
// adapter Y, cpu, ..."), and a warning when the base's bytes are not those the adapter was trained on. Error(kInput)
// for a base that is not the adapter's, a missing adapter file. Precondition: request.max_row_tokens > 0.
OpenedModel open_model(FoundModel found, const ModelRequest& request, const Log& log);

}  // namespace vernier

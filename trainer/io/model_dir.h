#pragma once
// A base model as the rest of the program sees it: a config in Hugging Face's words, weights under Hugging Face's
// names, and the bytes of its tokenizer, whether it lies in a Hugging Face directory (one or sharded safetensors), in
// the local Hugging Face cache under its hub id, or in a GGUF file.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/float_types.h"
#include "io/json.h"

namespace vernier {

struct WeightInfo {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"
  Dtype dtype;       // what `read` gives without conversion: kF32, kF16 or kBF16
  std::vector<std::int64_t> shape;

  std::int64_t elements() const;
};

class GgufFile;

class ModelDir {
 public:
  // `name` as base_model: gives it. Error(kInput) when nothing is there (for a hub id that is not in the cache the
  // message holds the download command), Error(kIntegrity) for a damaged file. Maps files; reads no weights.
  explicit ModelDir(const std::string& name, const std::string& revision = "");
  ~ModelDir();
  ModelDir(ModelDir&&) noexcept;

  const std::string& name() const;  // as given
  const std::string& path() const;  // the resolved directory or GGUF file
  // config.json; for a GGUF file the config.json that golden/scripts/gguf_to_hf.py would write.
  const Json& config() const;

  // In file order. A GGUF file with any block-quantized tensor is a bf16 checkpoint: each tensor dequantized to f32 and
  // rounded once to bf16, q and k rows un-permuted.
  const std::vector<WeightInfo>& weights() const;
  // nullptr when the model has no such tensor.
  const WeightInfo* find(const std::string& weight) const;
  // The file that says which weights there are, for messages: the safetensors file, the shards' index, the GGUF file.
  std::string weight_list() const;
  // Writes the whole tensor, converted to `as` (kF32, kF16 or kBF16), row-major. Exact when `as` is the tensor's own
  // type; a narrowing rounds once to nearest even. Releases the pages of the map after itself.
  void read(const WeightInfo& weight, Dtype as, void* out) const;

  // The text of a file of the directory ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
  // "generation_config.json", "special_tokens_map.json", "tokenizer.model"); nullopt when absent or for a GGUF file.
  std::optional<std::string> file(const std::string& file_name) const;
  // Every tokenizer-like file present, by name, for merge to copy. Empty for GGUF.
  std::vector<std::string> tokenizer_files() const;
  // The metadata (tokenizer and template) when the model is a GGUF file; nullptr otherwise.
  const GgufFile* gguf() const;

  // SHA-256 over the names, sizes and contents of weights and config: what the base is. Reads every byte.
  std::string identity() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernier

#pragma once
// The two kinds of place a base model lies in, behind ModelDir: a Hugging Face directory (io/hf_directory) and a GGUF
// file (io/gguf_model).

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "io/gguf.h"
#include "io/json.h"
#include "io/mapped_file.h"
#include "io/model_dir.h"

namespace vernier {

class ModelSource {
 public:
  virtual ~ModelSource() = default;

  virtual const Json& config() const = 0;
  virtual const std::vector<WeightInfo>& weights() const = 0;
  // ModelDir::read of weights()[index].
  virtual void read(std::size_t index, Dtype as, void* out) const = 0;
  // Feeds every byte of config and weights, each file with its name and size.
  virtual void hash(Sha256& sha) const = 0;
  // The file that says which weights there are, for messages.
  virtual std::string weight_list() const = 0;
  virtual const GgufFile* gguf() const { return nullptr; }
};

// `directory` holds config.json and safetensors.
std::unique_ptr<ModelSource> open_hf_directory(const std::string& directory);
// `path` is a GGUF file.
std::unique_ptr<ModelSource> open_gguf_model(const std::string& path);

// Adds a file's name, size and bytes to `sha`, piece by piece, releasing pages.
void hash_file(Sha256& sha, const std::string& name, const std::string& path);

}  // namespace vernier

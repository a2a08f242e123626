#pragma once
// A small model loaded for a test, with the batches the golden files describe.

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "io/model_dir.h"
#include "io/safetensors.h"
#include "model/load_model.h"
#include "tensor/tensor_files.h"

namespace vernier::testing {

inline std::string golden(const std::string& path) {
  return std::string(VERNIER_SOURCE_DIR "/tests/golden/") + path;
}

inline Device cpu(ComputeRequest compute = ComputeRequest::kF32) {
  return open_device("cpu", "auto", compute, 0);
}

inline at::Tensor tensor(const SafetensorsFile& file, const std::string& name) {
  return read_tensor(file.at(name));
}

// Equal rows of ids (and labels, as in Hugging Face) laid end to end.
struct Rows {
  std::vector<std::int32_t> ids, targets, positions, starts{0};

  void add(const std::int32_t* row, const std::int32_t* labels, std::int64_t tokens) {
    for (std::int64_t t = 0; t < tokens; ++t) {
      ids.push_back(row[t]);
      targets.push_back(t + 1 < tokens ? labels[t + 1] : -100);
      positions.push_back(static_cast<std::int32_t>(t));
    }
    starts.push_back(static_cast<std::int32_t>(ids.size()));
  }
  TokenBatch batch() const { return {ids, targets, positions, starts}; }
  std::int64_t target_count() const {
    std::int64_t count = 0;
    for (const std::int32_t target : targets) count += target >= 0;
    return count;
  }
};

inline Decoder load(const std::string& dir, const LoadOptions& options, const Device& device) {
  const ModelDir base(dir);
  return load_base(base, parse_model_spec(base.config(), dir), options, device);
}

// Largest absolute difference.
inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item().toDouble();
}

// |a - b| / |b| by the Euclidean norm.
inline double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor reference = b.to(at::kDouble);
  return (a.to(at::kDouble).sub(reference).norm() / reference.norm()).item().toDouble();
}

}  // namespace vernier::testing

#pragma once
// A model's weights as model.safetensors, or as model-00001-of-0000N.safetensors with model.safetensors.index.json
// where they are more than one file may hold: the layout of Hugging Face's save_pretrained.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors.h"

namespace vernier {

inline constexpr std::uint64_t kMaxShardBytes = 5'000'000'000;

using DeclaredTensor = SafetensorsWriter::Declared;

std::uint64_t tensor_bytes(const DeclaredTensor& tensor);

// Consecutive tensors, as many a shard as fit; one that is over the limit has a shard of its own.
std::vector<std::vector<DeclaredTensor>> plan_shards(const std::vector<DeclaredTensor>& tensors,
                                                     std::uint64_t max_shard_bytes);

// Takes the bytes of a tensor, whole or in pieces.
using TensorSink = std::function<void(std::string_view bytes)>;

// Writes the files into `directory`; `produce` is asked for each tensor once and gives its bytes to the sink.
void write_sharded_safetensors(const std::string& directory, const std::vector<DeclaredTensor>& tensors,
                               const std::function<void(const DeclaredTensor&, const TensorSink&)>& produce,
                               std::uint64_t max_shard_bytes = kMaxShardBytes);

}  // namespace vernier

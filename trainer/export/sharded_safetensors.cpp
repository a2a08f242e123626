#include "export/sharded_safetensors.h"

#include <array>
#include <cstdio>
#include <map>

#include "base/check.h"
#include "io/atomic_file.h"
#include "io/json.h"

namespace vernier {

namespace {

std::string shard_name(std::size_t index, std::size_t count) {
  if (count == 1) return "model.safetensors";
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return name.data();
}

std::int64_t elements(const DeclaredTensor& tensor) {
  std::int64_t count = 1;
  for (const std::int64_t size : tensor.shape) count *= size;
  return count;
}

void write_index(const std::string& directory, const std::vector<std::vector<DeclaredTensor>>& shards) {
  std::map<std::string, std::string> file_of;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < shards.size(); ++i)
    for (const DeclaredTensor& tensor : shards[i]) {
      file_of.emplace(tensor.name, shard_name(i, shards.size()));
      parameters += elements(tensor);
      bytes += tensor_bytes(tensor);
    }
  Json map = Json::object();
  for (auto& [name, file] : file_of) map.get_ref<Json::object_t&>().emplace_back(name, file);
  const Json index = {{"metadata", {{"total_parameters", parameters}, {"total_size", bytes}}},
                      {"weight_map", std::move(map)}};
  write_file_synced(directory + "/model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace

std::uint64_t tensor_bytes(const DeclaredTensor& tensor) {
  return static_cast<std::uint64_t>(elements(tensor)) * dtype_bytes(tensor.dtype);
}

std::vector<std::vector<DeclaredTensor>> plan_shards(const std::vector<DeclaredTensor>& tensors,
                                                     std::uint64_t max_shard_bytes) {
  std::vector<std::vector<DeclaredTensor>> shards;
  std::uint64_t used = 0;
  for (const DeclaredTensor& tensor : tensors) {
    const std::uint64_t bytes = tensor_bytes(tensor);
    if (shards.empty() || used + bytes > max_shard_bytes) {
      shards.emplace_back();
      used = 0;
    }
    shards.back().push_back(tensor);
    used += bytes;
  }
  return shards;
}

void write_sharded_safetensors(const std::string& directory, const std::vector<DeclaredTensor>& tensors,
                               const std::function<void(const DeclaredTensor&, const TensorSink&)>& produce,
                               std::uint64_t max_shard_bytes) {
  const auto shards = plan_shards(tensors, max_shard_bytes);
  check(!shards.empty(), "a model has tensors");
  for (std::size_t i = 0; i < shards.size(); ++i) {
    SafetensorsWriter writer(directory + "/" + shard_name(i, shards.size()), shards[i]);
    for (const DeclaredTensor& tensor : writer.order())
      produce(tensor, [&writer](std::string_view bytes) { writer.write(bytes); });
    writer.finish();
  }
  if (shards.size() > 1) write_index(directory, shards);
}

}  // namespace vernier

#include "io/test_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>

namespace vernier::test {

namespace fs = std::filesystem;

TempDir::TempDir() {
  std::string pattern = (fs::temp_directory_path() / "vernier-io-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = fs::canonical(pattern);
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempDir::write(const std::string& name, const std::string& bytes) const {
  const fs::path path = path_ / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  return path.string();
}

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(ErrorKind::kNumeric, "");
}

std::string safetensors_bytes(const std::string& header, const std::string& data) {
  return raw(std::uint64_t{header.size()}) + header + data;
}

std::string GgufBuilder::build() const {
  std::string bytes =
      magic + raw(version) + raw(tensor_count.value_or(tensors.size())) + raw(value_count.value_or(values.size()));
  for (const std::string& entry : values) bytes += entry;
  std::string data;
  const auto pad = [this](std::string& to) { to.resize((to.size() + alignment - 1) / alignment * alignment, '\0'); };
  for (const Tensor& tensor : tensors) {
    pad(data);
    bytes +=
        text(tensor.name) + raw(tensor.dimension_count.value_or(static_cast<std::uint32_t>(tensor.dimensions.size())));
    for (const std::int64_t dimension : tensor.dimensions) bytes += raw(dimension);
    bytes += raw(tensor.type) + raw(tensor.offset.value_or(data.size()));
    data += tensor.data;
  }
  // Without tensors nothing follows, so that what runs past the metadata runs past the end.
  if (!tensors.empty()) pad(bytes);
  return bytes + data;
}

GgufBuilder tiny_llama(const std::string& architecture) {
  GgufBuilder file;
  const std::string prefix = architecture + ".";
  file.add_text("general.architecture", architecture);
  file.add_u32(prefix + "block_count", 1);
  file.add_u32(prefix + "context_length", 64);
  file.add_u32(prefix + "embedding_length", 8);
  file.add_u32(prefix + "feed_forward_length", 32);
  file.add_u32(prefix + "attention.head_count", 2);
  file.add_u32(prefix + "attention.head_count_kv", 1);
  file.add_f32(prefix + "attention.layer_norm_rms_epsilon", 1e-5f);
  file.add_u32("tokenizer.ggml.bos_token_id", 1);
  const auto add = [&](const std::string& name, std::vector<std::int64_t> dimensions) {
    std::int64_t count = 1;
    for (const std::int64_t dimension : dimensions) count *= dimension;
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i));
    file.tensors.push_back({name, std::move(dimensions), 0, raw_all(values)});
  };
  add("token_embd.weight", {8, 5});
  add("blk.0.attn_norm.weight", {8});
  add("blk.0.attn_q.weight", {8, 8});
  add("blk.0.attn_k.weight", {8, 4});
  add("blk.0.attn_v.weight", {8, 4});
  add("blk.0.attn_output.weight", {8, 8});
  add("blk.0.ffn_gate.weight", {8, 32});
  add("blk.0.ffn_up.weight", {8, 32});
  add("blk.0.ffn_down.weight", {32, 8});
  add("blk.0.ffn_norm.weight", {8});
  add("output_norm.weight", {8});
  return file;
}

}  // namespace vernier::test

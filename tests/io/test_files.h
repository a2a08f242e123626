#pragma once
// Files for the tests of io: a directory that goes away, raw safetensors and GGUF bytes with every field at hand.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vernier::test {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string str() const { return path_.string(); }
  // Writes a file, making the directories above it; gives its path.
  std::string write(const std::string& name, const std::string& bytes) const;

 private:
  std::filesystem::path path_;
};

std::string slurp(const std::string& path);

// The Error that `action` throws; a test failure, and an empty Error, when it throws none.
Error error_of(const std::function<void()>& action);

// The bytes of a plain value, little-endian.
template <typename T>
std::string raw(const T& value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
template <typename T>
std::string raw_all(const std::vector<T>& values) {
  std::string bytes;
  for (const T& value : values) bytes += raw(value);
  return bytes;
}

// Header length, header, data.
std::string safetensors_bytes(const std::string& header, const std::string& data);

// A GGUF file field by field; what is not set is right.
struct GgufBuilder {
  struct Tensor {
    std::string name;
    std::vector<std::int64_t> dimensions;  // ggml's order: the row first
    std::uint32_t type = 0;
    std::string data;
    std::optional<std::uint64_t> offset = {};
    std::optional<std::uint32_t> dimension_count = {};
  };

  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::optional<std::uint64_t> tensor_count, value_count;
  std::vector<std::string> values;  // key, type and value, as bytes
  std::vector<Tensor> tensors;
  std::uint64_t alignment = 32;

  static std::string text(const std::string& value) { return raw(std::uint64_t{value.size()}) + value; }
  static std::string value(const std::string& key, std::uint32_t type, const std::string& bytes) {
    return text(key) + raw(type) + bytes;
  }
  void add_u32(const std::string& key, std::uint32_t number) { values.push_back(value(key, 4, raw(number))); }
  void add_f32(const std::string& key, float number) { values.push_back(value(key, 6, raw(number))); }
  void add_text(const std::string& key, const std::string& word) { values.push_back(value(key, 8, text(word))); }

  std::string build() const;
};

// A llama (or `architecture`) of two heads of four dimensions, hidden 8, one layer, tied, all F32; the values of each
// tensor count up from 0.
GgufBuilder tiny_llama(const std::string& architecture = "llama");

}  // namespace vernier::test

#pragma once
// A bounded little-endian reader over the bytes of a GGUF file, and the metadata values it holds
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Internal to io/gguf.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace vernier {

// Scalars and arrays of the thirteen value types, folded to five kinds. A 64-bit unsigned keeps its own kind: it may
// not fit a signed one.
using GgufValue = std::variant<std::int64_t, std::uint64_t, double, bool, std::string, std::vector<std::int64_t>,
                               std::vector<double>, std::vector<std::string>>;

class GgufCursor {
 public:
  GgufCursor(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  std::uint64_t offset() const { return at_; }
  std::uint64_t remaining() const { return bytes_.size() - at_; }

  // Error(kIntegrity) with the offset when fewer bytes are left; `what` names what was being read.
  template <typename T>
  T read(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }
  std::string_view take(std::uint64_t count, const char* what);
  // A length-prefixed UTF-8 string.
  std::string text(const char* what);
  // A count of items of at least `least_bytes` each, refused when so many cannot follow.
  std::uint64_t count(std::uint64_t least_bytes, const char* what);
  // A metadata value with its leading type number; `key` names it in errors.
  GgufValue value(const std::string& key);

  [[noreturn]] void fail(const std::string& what) const;

 private:
  GgufValue scalar(std::uint32_t type, const std::string& key);
  GgufValue array(const std::string& key);
  template <typename Stored>
  std::vector<std::int64_t> integers(std::uint64_t length);
  bool flag();

  std::string_view bytes_;
  const std::string& path_;
  std::uint64_t at_ = 0;
};

}  // namespace vernier

#pragma once
// GGUF v2/v3, little-endian: a bounded reader (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md) of metadata
// and tensors of type F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vernier {

// ggml's type numbers.
enum class GgmlType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kBF16 = 30,
};

struct GgufTensor {
  std::string name;  // "blk.0.attn_q.weight"
  GgmlType type;
  std::vector<std::int64_t> shape;  // row-major (ggml's dimensions reversed): [out, in]
  std::string_view bytes;
};

class GgufFile {
 public:
  // Error(kInput) when absent or not GGUF, Error(kIntegrity) when truncated or inconsistent, with the offset.
  explicit GgufFile(const std::string& path);
  ~GgufFile();
  GgufFile(GgufFile&&) noexcept;

  const std::string& path() const;
  bool has(const std::string& key) const;
  // Typed metadata; nullopt when absent, Error(kInput) naming file and key when of another kind.
  std::optional<std::string> text(const std::string& key) const;
  std::optional<std::int64_t> integer(const std::string& key) const;
  std::optional<double> number(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  std::optional<std::vector<std::string>> texts(const std::string& key) const;
  std::optional<std::vector<double>> numbers(const std::string& key) const;         // float arrays (scores)
  std::optional<std::vector<std::int64_t>> integers(const std::string& key) const;  // integer arrays (token types)

  const std::vector<GgufTensor>& tensors() const;
  const GgufTensor* find(const std::string& name) const;
  // Tells the kernel that the pages of these bytes are not needed any more.
  void release(std::string_view bytes) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Elements and bytes of one block of a type (1 and its size for F32, F16, BF16).
struct GgmlBlock {
  std::int64_t elements;
  std::size_t bytes;
};
GgmlBlock ggml_block(GgmlType type);

// Decodes `count` elements (a multiple of the block) to f32, as ggml's dequantize_row_* do.
void ggml_dequantize(GgmlType type, const void* blocks, std::int64_t count, float* out);

}  // namespace vernier

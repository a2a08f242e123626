#pragma once
// The normalizers that BPE tokenizers in Hugging Face's format use: NFC, Prepend and Replace of a string.

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "data/unicode.h"

namespace vernier {

struct PrependText {
  std::string text;  // put in front of a text that is not empty
};
struct ReplaceText {
  std::string from, to;  // `from` is not empty
};
using NormalizerStep = std::variant<std::shared_ptr<const Nfc>, PrependText, ReplaceText>;

class Normalizer {
 public:
  Normalizer() = default;
  explicit Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  bool empty() const { return steps_.empty(); }
  // Precondition: `text` is UTF-8.
  std::string apply(std::string_view text) const;

 private:
  std::vector<NormalizerStep> steps_;
};

// Every occurrence of `from`, from the left, without overlap. Precondition: `from` is not empty.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

}  // namespace vernier

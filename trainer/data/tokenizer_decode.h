#pragma once
// Tokens back to text, as the decoders of Hugging Face's tokenizers do: each step turns a list of strings into a list
// of strings, and what is left is joined.

#include <string>
#include <variant>
#include <vector>

namespace vernier {

struct DecodeByteLevel {};  // byte-level alphabet to bytes; a token with other characters stands for itself
struct DecodeReplace {
  std::string from, to;
};
struct DecodeByteFallback {};  // a run of <0xXX> to its bytes, or to one U+FFFD each when they are not UTF-8
struct DecodeFuse {};          // everything into one string
struct DecodeStrip {
  char32_t character;
  std::size_t start, stop;  // at most so many are taken off each end
};
struct DecodeMetaspace {
  std::string replacement;
  bool drops_first;  // the first token loses its replacements instead of getting spaces
};
using DecodeStep =
    std::variant<DecodeByteLevel, DecodeReplace, DecodeByteFallback, DecodeFuse, DecodeStrip, DecodeMetaspace>;

// Precondition: tokens are UTF-8. The result is UTF-8.
std::string decode_tokens(std::vector<std::string> tokens, const std::vector<DecodeStep>& steps);

}  // namespace vernier

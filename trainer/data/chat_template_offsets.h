#pragma once
// Which bytes of a text each of its tokens stands for, found without help from the tokenizer.

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "data/tokenizer.h"

namespace vernier {

class TokenOffsets {
 public:
  // `ids` must be tokenizer.encode(text). Both must outlive the object.
  TokenOffsets(std::string_view text, const std::vector<TokenId>& ids, const Tokenizer& tokenizer);

  // Tokens [first, last) that lie wholly inside the bytes [start, end).
  std::pair<std::size_t, std::size_t> inside(std::size_t start, std::size_t end) const;
  // Tokens [first, last) that have any byte in [start, end).
  std::pair<std::size_t, std::size_t> touching(std::size_t start, std::size_t end) const;

 private:
  // Tokens that end at or before the byte, and tokens that begin before it.
  std::size_t ending_by(std::size_t at) const;
  std::size_t beginning_before(std::size_t at) const;

  std::string_view text_;
  const std::vector<TokenId>& ids_;
  const Tokenizer& tokenizer_;
  // Where each token ends, when reading the tokens' own texts along `text` gave that; else empty, and prefixes are
  // encoded instead.
  std::vector<std::size_t> ends_;
};

}  // namespace vernier

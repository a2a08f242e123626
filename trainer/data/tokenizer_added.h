#pragma once
// Added tokens (special ones and others) found in raw text, as Hugging Face's added vocabulary finds them: leftmost
// longest, each with its flags, before anything else reads the text.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/pretokenize.h"
#include "data/tokenizer.h"

namespace vernier {

struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = false;
  bool single_word = false;  // only between characters that are not of a word
  bool lstrip = false;       // swallows white space before it
  bool rstrip = false;       // and after it
  bool normalized = true;    // matched in the normalized text
};

class AddedTokenMatcher {
 public:
  // Precondition: contents are not empty. Of two equal contents the first counts.
  AddedTokenMatcher(const std::vector<AddedToken>& tokens, UnicodeClassesPtr classes);

  struct Part {
    std::string_view text;
    const AddedToken* token;  // nullptr: ordinary text
  };
  // The whole text as added tokens and what lies between them; no ordinary part is empty.
  // Time: the text's length times the longest token's, in the worst case.
  std::vector<Part> split(std::string_view text) const;

  bool empty() const { return tokens_.empty(); }

 private:
  struct Edge {
    std::uint8_t byte;
    std::int32_t node;
  };
  struct Node {
    std::int32_t token = -1;
    std::vector<Edge> edges;
  };
  struct Match {
    std::size_t end;
    std::int32_t token;  // -1: none
  };

  void insert(std::string_view content, std::int32_t token);
  Match longest_at(std::string_view text, std::size_t at) const;
  bool stands_alone(std::string_view text, std::size_t start, std::size_t end) const;

  std::vector<AddedToken> tokens_;
  UnicodeClassesPtr classes_;
  std::vector<Node> nodes_;
};

}  // namespace vernier

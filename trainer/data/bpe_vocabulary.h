#pragma once
// The tokens of a vocabulary: text to id and back. Ids may have gaps (a tokenizer.json's vocabulary is a JSON object).

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/tokenizer.h"

namespace vernier {

class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(Vocabulary&&) noexcept = default;
  Vocabulary& operator=(Vocabulary&&) noexcept = default;

  // Error(kInput) when the text or the id is taken already, or the id is negative or beyond 2^24. `where` names the
  // file.
  void add(std::string_view text, std::int64_t id, const std::string& where);

  std::optional<TokenId> find(std::string_view text) const;
  // nullptr when no token has this id.
  const std::string* text(TokenId id) const;
  std::int64_t end_id() const { return static_cast<std::int64_t>(by_id_.size()); }  // largest id + 1
  std::size_t count() const { return by_text_.size(); }

 private:
  std::deque<std::string> texts_;  // a deque: by_text_ looks into the strings, which must not move
  std::unordered_map<std::string_view, TokenId> by_text_;
  std::vector<const std::string*> by_id_;
};

}  // namespace vernier

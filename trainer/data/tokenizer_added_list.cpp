#include "data/tokenizer_added_list.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace vernier {

AddedTokenList::AddedTokenList(const Vocabulary& vocabulary)
    : vocabulary_(vocabulary), next_(static_cast<TokenId>(vocabulary.count())) {}

TokenId AddedTokenList::id_of(const std::string& content) const {
  if (const auto place = index_.find(content); place != index_.end()) return tokens_[place->second].id;
  return vocabulary_.find(content).value_or(next_);
}

TokenId AddedTokenList::ensure(const AddedToken& token) {
  check(!token.content.empty(), "an added token without text");
  const TokenId id = id_of(token.content);
  if (!index_.emplace(token.content, tokens_.size()).second) return id;
  tokens_.push_back(token);
  tokens_.back().id = id;
  // A token of the vocabulary lies below its count, unless the vocabulary has gaps; only ids from there on move the
  // end.
  if (id >= static_cast<TokenId>(vocabulary_.count())) next_ = std::max(next_, id + 1);
  return id;
}

void AddedTokenList::take_flags(const AddedToken& later) {
  const auto place = index_.find(later.content);
  check(place != index_.end(), "flags for an added token that is not there");
  AddedToken& token = tokens_[place->second];
  token.single_word = later.single_word;
  token.lstrip = later.lstrip;
  token.rstrip = later.rstrip;
  token.special = token.special || later.special;
  if (later.normalized == token.normalized) return;
  AddedToken other = token;
  other.normalized = later.normalized;
  tokens_.push_back(std::move(other));
}

}  // namespace vernier

#pragma once
// The added tokens of a tokenizer while its files are read, numbered as Hugging Face's tokenizers number them.

#include <string>
#include <unordered_map>
#include <vector>

#include "data/bpe_vocabulary.h"
#include "data/tokenizer_added.h"

namespace vernier {

class AddedTokenList {
 public:
  // `vocabulary` must outlive the list.
  explicit AddedTokenList(const Vocabulary& vocabulary);

  // The id of an added token, known or not: the list's, else the vocabulary's, else the next free one.
  TokenId id_of(const std::string& content) const;
  // Adds the token, with the id that id_of gives, unless its content is known; its id. Precondition: content not empty.
  TokenId ensure(const AddedToken& token);
  // What adding a known token once more does: the later flags count, special stays special, and where `normalized`
  // differs the token is looked for in the raw and in the normalized text. Precondition: the content is known.
  void take_flags(const AddedToken& later);

  // A token with both kinds of `normalized` occurs twice.
  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  const Vocabulary& vocabulary_;
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, std::size_t> index_;
  TokenId next_;
};

}  // namespace vernier

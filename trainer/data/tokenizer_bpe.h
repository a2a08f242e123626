#pragma once
// The BPE tokenizer that tokenizer.json and GGUF vocabularies become: added tokens, normalizer, pre-tokenizers, BPE,
// and the decoder for the way back, in the order of Hugging Face's tokenizers.

#include <memory>
#include <string>
#include <vector>

#include "data/bpe.h"
#include "data/pretokenize.h"
#include "data/tokenizer.h"
#include "data/tokenizer_added.h"
#include "data/tokenizer_decode.h"
#include "data/tokenizer_normalize.h"

namespace vernier {

// Everything that a file says about its tokenizer, read and checked.
struct BpeTokenizerParts {
  Vocabulary vocabulary;
  std::vector<BpeMerge> merges;
  BpeOptions options;
  std::vector<AddedToken> added;
  Normalizer normalizer;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers;
  std::vector<DecodeStep> decoder;
  bool has_decoder = true;  // without one tokens are joined by spaces
  SpecialTokens special;
  std::string chat_template;
  std::string identity;
};

std::unique_ptr<Tokenizer> make_bpe_tokenizer(BpeTokenizerParts parts, UnicodeClassesPtr classes);

// The text and id of every added token, whatever the model under them.
class AddedTokenNames {
 public:
  explicit AddedTokenNames(const std::vector<AddedToken>& tokens);

  const AddedToken* find(std::string_view content) const;
  const AddedToken* find(TokenId id) const;
  std::int64_t end_id() const { return end_id_; }  // largest id + 1, 0 when there are none

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string_view, const AddedToken*> by_content_;
  std::unordered_map<TokenId, const AddedToken*> by_id_;
  std::int64_t end_id_ = 0;
};

}  // namespace vernier

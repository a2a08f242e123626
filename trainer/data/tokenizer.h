#pragma once
// Text to token ids and back, exactly as the Hugging Face tokenizer of the same model does.
// One interface over three sources: tokenizer.json (byte-level and SentencePiece-style BPE), the vocabulary inside a
// GGUF file, and a SentencePiece tokenizer.model.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vernier {

class ModelDir;

using TokenId = std::int32_t;

struct SpecialTokens {
  std::optional<TokenId> bos, eos, pad, unk;
  bool add_bos = false;  // whether the tokenizer's own post-processing puts BOS before a text
  bool add_eos = false;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // The ids of `text`, added tokens recognised in it; no BOS or EOS is put around it (add_special_tokens=False).
  // Bytes that are not UTF-8 are read as U+FFFD. Linear time in the text.
  virtual std::vector<TokenId> encode(std::string_view text) const = 0;
  // The text of ids; with skip_special the special tokens are left out. Bytes that do not form UTF-8 become U+FFFD.
  virtual std::string decode(const std::vector<TokenId>& ids, bool skip_special) const = 0;

  virtual std::int64_t vocab_size() const = 0;                            // largest id + 1
  virtual std::optional<TokenId> find(std::string_view token) const = 0;  // by its exact text, added ones included
  virtual std::string token_text(TokenId id) const = 0;                   // as written in the vocabulary
  virtual const SpecialTokens& special() const = 0;
  // The chat template that came with the tokenizer (tokenizer_config.json, chat_template.jinja or GGUF); empty: none.
  virtual const std::string& chat_template() const = 0;
  // SHA-256 of the files (or GGUF metadata) that it was made from.
  virtual const std::string& identity() const = 0;
};

// The tokenizer of a model; nullptr when the model has none (fine when all data is tokenized).
// Error(kInput) for one we cannot read exactly, naming the feature.
std::unique_ptr<Tokenizer> load_tokenizer(const ModelDir& model);

}  // namespace vernier

#pragma once
// Tokenizers for chat template tests: one of single bytes, and one that borrows another's with other special tokens.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/jinja/unicode.h"
#include "data/tokenizer.h"

namespace vernier::test {

// A token a byte, spelled in GPT-2's byte alphabet, and whole special tokens from id 256 on.
class ByteTokenizer : public Tokenizer {
 public:
  explicit ByteTokenizer(std::vector<std::string> special_tokens = {"<|im_start|>", "<|im_end|>"})
      : special_tokens_(std::move(special_tokens)) {
    if (!special_tokens_.empty()) special_.bos = 256;
    if (special_tokens_.size() > 1) special_.eos = 257;
  }

  std::vector<TokenId> encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      const auto found = std::find_if(special_tokens_.begin(), special_tokens_.end(), [&](const std::string& token) {
        return !token.empty() && text.substr(0, token.size()) == token;
      });
      const bool is_special = found != special_tokens_.end();
      ids.push_back(is_special ? 256 + static_cast<TokenId>(found - special_tokens_.begin())
                               : static_cast<TokenId>(static_cast<unsigned char>(text[0])));
      text.remove_prefix(is_special ? found->size() : 1);
    }
    return ids;
  }
  std::string token_text(TokenId id) const override {
    if (id >= 256) return special_tokens_.at(static_cast<std::size_t>(id - 256));
    static const std::vector<std::string> alphabet = [] {
      std::vector<std::string> letters;
      char32_t other = 256;
      for (char32_t byte = 0; byte < 256; ++byte) {
        const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        letters.push_back(jinja::encode_utf8(std::u32string(1, plain ? byte : other++)));
      }
      return letters;
    }();
    return alphabet[static_cast<std::size_t>(id)];
  }
  std::string decode(const std::vector<TokenId>& ids, bool) const override {
    std::string text;
    for (const TokenId id : ids) {
      if (id >= 256) {
        text += token_text(id);
      } else {
        text.push_back(static_cast<char>(static_cast<unsigned char>(id)));
      }
    }
    return text;
  }
  std::int64_t vocab_size() const override { return 256 + static_cast<std::int64_t>(special_tokens_.size()); }
  std::optional<TokenId> find(std::string_view) const override { return std::nullopt; }
  const SpecialTokens& special() const override { return special_; }
  const std::string& chat_template() const override { return template_; }
  const std::string& identity() const override { return template_; }

  std::string template_;
  SpecialTokens special_;

 private:
  std::vector<std::string> special_tokens_;
};

// Another tokenizer whose BOS and EOS are called otherwise.
class RenamedSpecials : public Tokenizer {
 public:
  RenamedSpecials(const Tokenizer& inner, std::string bos, std::string eos)
      : inner_(inner), bos_(std::move(bos)), eos_(std::move(eos)) {
    special_.bos = kBos;
    special_.eos = kBos + 1;
  }
  std::vector<TokenId> encode(std::string_view text) const override { return inner_.encode(text); }
  std::string decode(const std::vector<TokenId>& ids, bool skip) const override { return inner_.decode(ids, skip); }
  std::int64_t vocab_size() const override { return inner_.vocab_size(); }
  std::optional<TokenId> find(std::string_view token) const override { return inner_.find(token); }
  std::string token_text(TokenId id) const override {
    return id == kBos ? bos_ : id == kBos + 1 ? eos_ : inner_.token_text(id);
  }
  const SpecialTokens& special() const override { return special_; }
  const std::string& chat_template() const override { return inner_.chat_template(); }
  const std::string& identity() const override { return inner_.identity(); }

 private:
  static constexpr TokenId kBos = 1'000'000'000;
  const Tokenizer& inner_;
  std::string bos_, eos_;
  SpecialTokens special_;
};

}  // namespace vernier::test

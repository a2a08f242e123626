#pragma once
// A tokenizer whose ids can be written down in a test: a token a byte, and four special tokens behind them.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer.h"

namespace vernier {

// The bytes below kFirstSpecial are their own ids; from it on <s>, </s>, <|im_start|>, <|im_end|>, recognised in a
// text; ids above spell "?". <s> and </s> are BOS and EOS; there is no chat template.
template <TokenId kFirstSpecial>
class BytesAndSpecials : public Tokenizer {
 public:
  static constexpr TokenId kBos = kFirstSpecial, kEos = kBos + 1, kImStart = kBos + 2, kImEnd = kBos + 3;

  explicit BytesAndSpecials(bool add_bos) {
    special_.bos = kBos;
    special_.eos = kEos;
    special_.add_bos = add_bos;
  }

  std::vector<TokenId> encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      TokenId id = static_cast<unsigned char>(text.front());
      std::size_t bytes = 1;
      for (std::size_t k = 0; k < kNames.size(); ++k) {
        if (!text.starts_with(kNames[k])) continue;
        id = kBos + static_cast<TokenId>(k);
        bytes = kNames[k].size();
      }
      ids.push_back(id);
      text.remove_prefix(bytes);
    }
    return ids;
  }
  std::string decode(const std::vector<TokenId>& ids, bool skip_special) const override {
    std::string text;
    for (const TokenId id : ids)
      if (id < kBos || id > kImEnd || !skip_special) text += token_text(id);
    return text;
  }
  std::int64_t vocab_size() const override { return kImEnd + 1; }
  std::optional<TokenId> find(std::string_view token) const override {
    const std::vector<TokenId> ids = encode(token);
    return ids.size() == 1 ? std::optional(ids.front()) : std::nullopt;
  }
  std::string token_text(TokenId id) const override {
    if (id > kImEnd) return "?";
    return id < kBos ? std::string(1, static_cast<char>(id)) : std::string(kNames[static_cast<std::size_t>(id - kBos)]);
  }
  const SpecialTokens& special() const override { return special_; }
  const std::string& chat_template() const override { return template_; }
  const std::string& identity() const override { return identity_; }

  SpecialTokens special_;
  std::string template_;

 private:
  static constexpr std::array<std::string_view, 4> kNames = {"<s>", "</s>", "<|im_start|>", "<|im_end|>"};
  std::string identity_ = "bytes";
};

}  // namespace vernier

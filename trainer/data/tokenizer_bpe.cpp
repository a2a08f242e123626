#include "data/tokenizer_bpe.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "data/unicode.h"

namespace vernier {
namespace {

std::vector<AddedToken> normalized_tokens(const std::vector<AddedToken>& tokens, const Normalizer& normalizer) {
  std::vector<AddedToken> chosen;
  for (const AddedToken& token : tokens)
    if (token.normalized) {
      chosen.push_back(token);
      chosen.back().content = normalizer.apply(token.content);
    }
  return chosen;
}

std::vector<AddedToken> raw_tokens(const std::vector<AddedToken>& tokens) {
  std::vector<AddedToken> chosen;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(chosen),
               [](const AddedToken& token) { return !token.normalized; });
  return chosen;
}

class BpeTokenizer : public Tokenizer {
 public:
  BpeTokenizer(BpeTokenizerParts parts, UnicodeClassesPtr classes)
      : names_(parts.added),
        raw_matcher_(raw_tokens(parts.added), classes),
        normalized_matcher_(normalized_tokens(parts.added, parts.normalizer), classes),
        normalizer_(std::move(parts.normalizer)),
        pre_tokenizers_(std::move(parts.pre_tokenizers)),
        bpe_(std::move(parts.vocabulary), parts.merges, parts.options),
        decoder_(std::move(parts.decoder)),
        has_decoder_(parts.has_decoder),
        special_(parts.special),
        chat_template_(std::move(parts.chat_template)),
        identity_(std::move(parts.identity)) {}

  std::vector<TokenId> encode(std::string_view text) const override {
    if (!is_utf8(text)) return encode(replace_invalid_utf8(text));
    std::vector<TokenId> ids;
    Bpe::Scratch scratch;
    for (const auto& part : raw_matcher_.split(text)) {
      if (part.token != nullptr)
        ids.push_back(part.token->id);
      else
        encode_ordinary(part.text, part.text.data() == text.data(), scratch, ids);
    }
    return ids;
  }

  std::string decode(const std::vector<TokenId>& ids, bool skip_special) const override {
    std::vector<std::string> tokens;
    for (const TokenId id : ids) {
      const AddedToken* added = names_.find(id);
      const std::string* known = added != nullptr ? &added->content : bpe_.vocabulary().text(id);
      if (known == nullptr) continue;
      // A token matched in normalized text comes back in its normalized form, and under that name it counts as special
      // or not (tokenizers 0.23).
      std::string text = added != nullptr && added->normalized ? normalizer_.apply(*known) : *known;
      const AddedToken* named = names_.find(text);
      if (skip_special && named != nullptr && named->special) continue;
      tokens.push_back(std::move(text));
    }
    return has_decoder_ ? decode_tokens(std::move(tokens), decoder_) : join(tokens, " ");
  }

  std::int64_t vocab_size() const override { return std::max(bpe_.vocabulary().end_id(), names_.end_id()); }

  std::optional<TokenId> find(std::string_view token) const override {
    if (const AddedToken* added = names_.find(token)) return added->id;
    return bpe_.vocabulary().find(token);
  }

  std::string token_text(TokenId id) const override {
    if (const AddedToken* added = names_.find(id)) return added->content;
    const std::string* text = bpe_.vocabulary().text(id);
    return text == nullptr ? std::string() : *text;
  }

  const SpecialTokens& special() const override { return special_; }
  const std::string& chat_template() const override { return chat_template_; }
  const std::string& identity() const override { return identity_; }

 private:
  void encode_ordinary(std::string_view text, bool at_start, Bpe::Scratch& scratch, std::vector<TokenId>& ids) const {
    const std::string normalized = normalizer_.empty() ? std::string() : normalizer_.apply(text);
    const std::string_view clean = normalizer_.empty() ? text : std::string_view(normalized);
    for (const auto& part : normalized_matcher_.split(clean)) {
      if (part.token != nullptr)
        ids.push_back(part.token->id);
      else
        encode_words(part.text, at_start && part.text.data() == clean.data(), scratch, ids);
    }
  }

  void encode_words(std::string_view text, bool at_start, Bpe::Scratch& scratch, std::vector<TokenId>& ids) const {
    Pieces pieces{{text}, {}, at_start};
    for (const auto& step : pre_tokenizers_) step->split(pieces);
    for (const std::string_view word : pieces.list) bpe_.encode_word(word, scratch, ids);
  }

  AddedTokenNames names_;
  AddedTokenMatcher raw_matcher_, normalized_matcher_;
  Normalizer normalizer_;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers_;
  Bpe bpe_;
  std::vector<DecodeStep> decoder_;
  bool has_decoder_;
  SpecialTokens special_;
  std::string chat_template_;
  std::string identity_;
};

}  // namespace

AddedTokenNames::AddedTokenNames(const std::vector<AddedToken>& tokens) : tokens_(tokens) {
  for (const AddedToken& token : tokens_) {
    by_content_.emplace(token.content, &token);
    by_id_.emplace(token.id, &token);
    end_id_ = std::max(end_id_, std::int64_t{token.id} + 1);
  }
}

const AddedToken* AddedTokenNames::find(std::string_view content) const {
  const auto place = by_content_.find(content);
  return place == by_content_.end() ? nullptr : place->second;
}

const AddedToken* AddedTokenNames::find(TokenId id) const {
  const auto place = by_id_.find(id);
  return place == by_id_.end() ? nullptr : place->second;
}

std::unique_ptr<Tokenizer> make_bpe_tokenizer(BpeTokenizerParts parts, UnicodeClassesPtr classes) {
  return std::make_unique<BpeTokenizer>(std::move(parts), std::move(classes));
}

}  // namespace vernier

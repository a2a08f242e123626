#include "data/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "data/tokenizer_bpe.h"
#include "data/unicode.h"

namespace vernier {
namespace {

using sentencepiece::SentencePieceProcessor;

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// Field 3 of the model (normalizer_spec) with its field 3 (add_dummy_prefix) = false. A message that follows another in
// a serialized protocol buffer is merged into it, so these bytes behind a model switch the prefix off.
constexpr char kNoDummyPrefix[] = {0x1A, 0x02, 0x18, 0x00};

void load(SentencePieceProcessor& processor, const std::string& bytes, const std::string& where) {
  const auto status = processor.LoadFromSerializedProto(bytes);
  if (!status.ok()) throw Error(ErrorKind::kInput, str("not a SentencePiece model: ", status.message()), where);
}

Vocabulary vocabulary_of(const SentencePieceProcessor& processor, const std::string& where) {
  Vocabulary vocabulary;
  for (int id = 0; id < processor.GetPieceSize(); ++id) vocabulary.add(processor.IdToPiece(id), id, where);
  return vocabulary;
}

class SentencePieceTokenizer : public Tokenizer {
 public:
  struct Parts {
    std::unique_ptr<SentencePieceProcessor> processor, without_prefix;  // the second only when not legacy
    Vocabulary vocabulary;
    std::vector<AddedToken> added;
    SpecialTokens special;
    std::string chat_template, identity;
  };

  explicit SentencePieceTokenizer(Parts parts)
      : parts_(std::move(parts)),
        names_(parts_.added),
        matcher_(parts_.added, std::make_shared<const UnicodeClasses>()),
        has_dummy_prefix_(adds_prefix(*parts_.processor)) {}

  std::vector<TokenId> encode(std::string_view text) const override {
    if (!is_utf8(text)) return encode(replace_invalid_utf8(text));
    std::vector<TokenId> ids;
    for (const auto& part : matcher_.split(text)) {
      if (part.token != nullptr)
        ids.push_back(part.token->id);
      else
        encode_ordinary(part.text, part.text.data() == text.data(), ids);
    }
    return ids;
  }

  std::string decode(const std::vector<TokenId>& ids, bool skip_special) const override {
    std::vector<std::string> tokens;
    for (const TokenId id : ids) {
      const AddedToken* added = names_.find(id);
      const bool is_model_special = added == nullptr && is_piece(id) && parts_.processor->IsControl(id);
      if (skip_special && (is_model_special || (added != nullptr && added->special))) continue;
      tokens.push_back(token_text(id));
    }
    std::vector<DecodeStep> steps = {DecodeReplace{std::string(kSpaceMark), " "}, DecodeByteFallback{}, DecodeFuse{}};
    if (has_dummy_prefix_) steps.emplace_back(DecodeStrip{U' ', 1, 0});
    return decode_tokens(std::move(tokens), steps);
  }

  std::int64_t vocab_size() const override { return std::max(parts_.vocabulary.end_id(), names_.end_id()); }

  std::optional<TokenId> find(std::string_view token) const override {
    if (const AddedToken* added = names_.find(token)) return added->id;
    return parts_.vocabulary.find(token);
  }

  std::string token_text(TokenId id) const override {
    if (const AddedToken* added = names_.find(id)) return added->content;
    const std::string* text = parts_.vocabulary.text(id);
    return text == nullptr ? std::string() : *text;
  }

  const SpecialTokens& special() const override { return parts_.special; }
  const std::string& chat_template() const override { return parts_.chat_template; }
  const std::string& identity() const override { return parts_.identity; }

 private:
  static bool adds_prefix(const SentencePieceProcessor& processor) {
    std::vector<std::string> pieces;
    return processor.Encode("a", &pieces).ok() && !pieces.empty() && starts_with(pieces[0], kSpaceMark);
  }

  bool is_piece(TokenId id) const { return id >= 0 && id < parts_.processor->GetPieceSize(); }

  void encode_ordinary(std::string_view text, bool at_start, std::vector<TokenId>& ids) const {
    const bool plain = at_start || parts_.without_prefix == nullptr;
    std::vector<int> piece_ids;
    const auto status = (plain ? parts_.processor : parts_.without_prefix)->Encode(text, &piece_ids);
    if (!status.ok()) throw Error(ErrorKind::kInput, str("SentencePiece cannot encode a text: ", status.message()));
    ids.insert(ids.end(), piece_ids.begin(), piece_ids.end());
  }

  Parts parts_;
  AddedTokenNames names_;
  AddedTokenMatcher matcher_;
  bool has_dummy_prefix_;
};

void settle_special(const TokenizerSettings& settings, const SentencePieceProcessor& processor,
                    const std::string& where, SpecialTokens& special) {
  const auto fall_back = [](std::optional<TokenId>& id, int own) {
    if (!id && own >= 0) id = own;
  };
  fall_back(special.bos, processor.bos_id());
  fall_back(special.eos, processor.eos_id());
  fall_back(special.pad, processor.pad_id());
  fall_back(special.unk, processor.unk_id());
  special.add_bos = settings.add_bos.value_or(special.bos.has_value());
  special.add_eos = settings.add_eos.value_or(false);
  if ((special.add_bos && !special.bos) || (special.add_eos && !special.eos))
    throw Error(ErrorKind::kInput, "add_bos_token or add_eos_token is true, but there is no such token", where);
}

}  // namespace

std::unique_ptr<Tokenizer> tokenizer_from_sentencepiece(const TokenizerFiles& files) {
  check(files.tokenizer_model.has_value(), "no tokenizer.model");
  const std::string where = files.path("tokenizer.model");
  const TokenizerSettings settings = read_tokenizer_settings(files);
  SentencePieceTokenizer::Parts parts;
  parts.processor = std::make_unique<SentencePieceProcessor>();
  load(*parts.processor, *files.tokenizer_model, where);
  if (!settings.legacy.value_or(true)) {
    parts.without_prefix = std::make_unique<SentencePieceProcessor>();
    load(*parts.without_prefix, *files.tokenizer_model + std::string(kNoDummyPrefix, sizeof(kNoDummyPrefix)), where);
  }
  parts.vocabulary = vocabulary_of(*parts.processor, where);
  const std::string config = files.path("tokenizer_config.json");
  AddedTokenList added(parts.vocabulary);
  apply_settings(settings, config, added, parts.special);
  parts.added = added.tokens();
  settle_special(settings, *parts.processor, config, parts.special);
  parts.chat_template = settings.chat_template;
  parts.identity = tokenizer_identity(files);
  return std::make_unique<SentencePieceTokenizer>(std::move(parts));
}

}  // namespace vernier

#include "data/gguf_tokenizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/tokenizer_bpe.h"
#include "data/tokenizer_fields.h"
#include "io/gguf.h"

namespace vernier {
namespace {

const std::string kPrefix = "tokenizer.ggml.";
const std::string kSpaceMark = "\xE2\x96\x81";  // U+2581

// llama.cpp's token types.
enum TokenType : std::int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

class GgufReader {
 public:
  explicit GgufReader(const GgufFile& file) : file_(file) {}

  std::string where(const std::string& key) const { return str(file_.path(), ": ", kPrefix, key); }
  std::optional<std::string> text(const std::string& key) const { return file_.text(kPrefix + key); }
  bool boolean(const std::string& key, bool absent) const { return file_.boolean(kPrefix + key).value_or(absent); }
  std::optional<std::int64_t> integer(const std::string& key) const { return file_.integer(kPrefix + key); }
  bool has(const std::string& key) const { return file_.has(kPrefix + key); }

  std::vector<std::string> texts(const std::string& key) const {
    auto values = file_.texts(kPrefix + key);
    if (!values) throw Error(ErrorKind::kInput, "this key is missing", where(key));
    return std::move(*values);
  }

  // One number a token; an empty list when absent.
  std::vector<std::int64_t> types(std::size_t tokens) const {
    return same_length(file_.integers(kPrefix + "token_type"), tokens, "token_type");
  }
  std::vector<double> scores(std::size_t tokens) const {
    return same_length(file_.numbers(kPrefix + "scores"), tokens, "scores");
  }

 private:
  template <typename T>
  std::vector<T> same_length(std::optional<std::vector<T>> values, std::size_t tokens, const char* key) const {
    if (!values) return {};
    if (values->size() != tokens)
      throw Error(ErrorKind::kInput, str(values->size(), " entries for ", tokens, " tokens"), where(key));
    return std::move(*values);
  }

  const GgufFile& file_;
};

void read_tokens(const GgufReader& reader, const std::vector<std::string>& tokens,
                 const std::vector<std::int64_t>& types, BpeTokenizerParts& parts) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    parts.vocabulary.add(tokens[i], static_cast<std::int64_t>(i), reader.where("tokens"));
    const std::int64_t type = types.empty() ? std::int64_t{kNormal} : types[i];
    if (type != kControl && type != kUserDefined && type != kUnknown) continue;
    if (tokens[i].empty()) continue;
    AddedToken token;
    token.content = tokens[i];
    token.id = static_cast<TokenId>(i);
    token.special = type != kUserDefined;
    token.normalized = false;
    parts.added.push_back(std::move(token));
  }
}

void read_special(const GgufReader& reader, std::size_t tokens, bool adds_bos_by_default, SpecialTokens& special) {
  const auto id_of = [&](const std::string& key) -> std::optional<TokenId> {
    const auto id = reader.integer(key);
    if (!id) return std::nullopt;
    if (*id < 0 || *id >= static_cast<std::int64_t>(tokens))
      throw Error(ErrorKind::kInput, str("the id ", *id, " is outside the ", tokens, " tokens"), reader.where(key));
    return static_cast<TokenId>(*id);
  };
  special.bos = id_of("bos_token_id");
  special.eos = id_of("eos_token_id");
  special.pad = id_of("padding_token_id");
  special.unk = id_of("unknown_token_id");
  special.add_bos = reader.boolean("add_bos_token", adds_bos_by_default && special.bos.has_value());
  special.add_eos = reader.boolean("add_eos_token", false);
  if ((special.add_bos && !special.bos) || (special.add_eos && !special.eos))
    throw Error(ErrorKind::kInput, "add_bos_token or add_eos_token is true, but there is no such token",
                reader.where("add_bos_token"));
}

// What tokenizer.ggml.pre stands for in the Hugging Face tokenizers that llama.cpp gives this name.
struct PreKind {
  const char* name;
  KnownSplit split;
  bool digits_apart, nfc, ignore_merges, adds_bos;
};

constexpr std::array<PreKind, 7> kPreKinds = {{
    {"smollm", KnownSplit::kGpt2, true, false, false, false},
    {"gpt-2", KnownSplit::kGpt2, false, false, false, false},
    {"qwen2", KnownSplit::kQwen2, false, true, false, false},
    {"deepseek-r1-qwen", KnownSplit::kQwen2, false, true, false, false},
    {"llama-bpe", KnownSplit::kLlama3, false, false, true, true},
    {"llama3", KnownSplit::kLlama3, false, false, true, true},
    {"llama-v3", KnownSplit::kLlama3, false, false, true, true},
}};

const PreKind& pre_kind_of(const GgufReader& reader) {
  const auto name = reader.text("pre");
  for (const PreKind& kind : kPreKinds)
    if (name == kind.name) return kind;
  refuse_feature(name ? str("the pre-tokenizer \"", *name, "\"") : "a byte-level vocabulary without a pre-tokenizer",
                 reader.where("pre"));
}

void read_byte_level(const GgufReader& reader, const UnicodeClassesPtr& classes, BpeTokenizerParts& parts) {
  const PreKind& kind = pre_kind_of(reader);
  const std::vector<std::string> tokens = reader.texts("tokens");
  read_tokens(reader, tokens, reader.types(tokens.size()), parts);
  const std::vector<std::string> merges = reader.texts("merges");
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::string where = str(reader.where("merges"), "[", i, "]");
    // A token of the alphabet has no space in it, but a merge's first half may not be empty: the space is searched
    // from 1, as llama.cpp does.
    const std::size_t space = merges[i].find(' ', 1);
    if (space == std::string::npos)
      throw Error(ErrorKind::kInput, str("the merge \"", merges[i], "\" is not two tokens with a space between"),
                  where);
    parts.merges.push_back(
        merge_from_texts(parts.vocabulary, merges[i].substr(0, space), merges[i].substr(space + 1), i, where));
  }
  parts.options.byte_level = true;
  parts.options.ignore_merges = kind.ignore_merges;
  if (kind.nfc) parts.normalizer = Normalizer({std::make_shared<const Nfc>()});
  if (kind.digits_apart) parts.pre_tokenizers.push_back(make_digits_split(true, classes));
  if (reader.boolean("add_space_prefix", false)) parts.pre_tokenizers.push_back(make_prefix_space());
  parts.pre_tokenizers.push_back(make_known_split(kind.split, classes));
  parts.decoder = {DecodeByteLevel{}};
  read_special(reader, tokens.size(), kind.adds_bos, parts.special);
}

// SentencePiece merges the neighbours whose joined text is the piece of the best score, so every way to cut a piece
// into two pieces is a merge; equal scores have equal ranks.
void merges_from_scores(const GgufReader& reader, const std::vector<std::string>& tokens,
                        const std::vector<std::int64_t>& types, BpeTokenizerParts& parts) {
  const std::vector<double> scores = reader.scores(tokens.size());
  if (scores.empty()) throw Error(ErrorKind::kInput, "this key is missing", reader.where("scores"));
  std::map<double, std::uint32_t, std::greater<>> rank_of;
  for (const double score : scores) {
    if (std::isnan(score)) throw Error(ErrorKind::kInput, "a score is not a number", reader.where("scores"));
    rank_of.emplace(score, 0);
  }
  std::uint32_t next_rank = 0;
  for (auto& [score, rank] : rank_of) rank = next_rank++;
  const auto merges = [&](TokenId id) { return types.empty() || types[static_cast<std::size_t>(id)] == kNormal; };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto result = static_cast<TokenId>(i);
    if (!merges(result)) continue;
    const std::string_view text = tokens[i];
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      if ((static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) continue;
      const auto left = parts.vocabulary.find(text.substr(0, cut));
      const auto right = parts.vocabulary.find(text.substr(cut));
      if (left && right && merges(*left) && merges(*right))
        parts.merges.push_back({*left, *right, result, rank_of.at(scores[i])});
    }
  }
}

void read_sentencepiece(const GgufReader& reader, BpeTokenizerParts& parts) {
  if (reader.has("precompiled_charsmap"))
    refuse_feature("a precompiled_charsmap", reader.where("precompiled_charsmap"));
  if (reader.boolean("remove_extra_whitespaces", false))
    refuse_feature("remove_extra_whitespaces", reader.where("remove_extra_whitespaces"));
  const std::vector<std::string> tokens = reader.texts("tokens");
  const std::vector<std::int64_t> types = reader.types(tokens.size());
  read_tokens(reader, tokens, types, parts);
  merges_from_scores(reader, tokens, types, parts);
  read_special(reader, tokens.size(), true, parts.special);
  parts.options.byte_fallback = true;
  parts.options.fuse_unk = true;
  parts.options.unk = parts.special.unk;
  const bool prefix = reader.boolean("add_space_prefix", true);
  std::vector<NormalizerStep> steps;
  if (prefix) steps.emplace_back(PrependText{kSpaceMark});
  steps.emplace_back(ReplaceText{" ", kSpaceMark});
  parts.normalizer = Normalizer(std::move(steps));
  parts.decoder = {DecodeReplace{kSpaceMark, " "}, DecodeByteFallback{}, DecodeFuse{}};
  if (prefix) parts.decoder.emplace_back(DecodeStrip{U' ', 1, 0});
}

std::string identity_of(const BpeTokenizerParts& parts, const std::string& model, const std::string& pre) {
  Sha256 hash;
  const auto add = [&](std::string_view text) {
    hash.update(str(text.size(), "\n"));
    hash.update(text);
  };
  add(model);
  add(pre);
  for (std::int64_t id = 0; id < parts.vocabulary.end_id(); ++id) add(*parts.vocabulary.text(static_cast<TokenId>(id)));
  for (const BpeMerge& merge : parts.merges) add(str(merge.left, " ", merge.right, " ", merge.rank));
  for (const AddedToken& token : parts.added) add(str(token.id, token.special ? " special" : " added"));
  const SpecialTokens& special = parts.special;
  for (const auto& id : {special.bos, special.eos, special.pad, special.unk}) add(str(id.value_or(-1)));
  add(str(special.add_bos, special.add_eos));
  add(parts.chat_template);
  return hash.finish();
}

}  // namespace

std::unique_ptr<Tokenizer> tokenizer_from_gguf(const GgufFile& file) {
  const GgufReader reader(file);
  const auto model = reader.text("model");
  if (!model || *model == "no_vocab" || *model == "none") return nullptr;
  auto classes = std::make_shared<const UnicodeClasses>();
  BpeTokenizerParts parts;
  if (*model == "gpt2")
    read_byte_level(reader, classes, parts);
  else if (*model == "llama")
    read_sentencepiece(reader, parts);
  else
    refuse_feature(str("the tokenizer model \"", *model, "\""), reader.where("model"));
  parts.chat_template = file.text("tokenizer.chat_template").value_or("");
  parts.identity = identity_of(parts, *model, reader.text("pre").value_or(""));
  return make_bpe_tokenizer(std::move(parts), std::move(classes));
}

}  // namespace vernier

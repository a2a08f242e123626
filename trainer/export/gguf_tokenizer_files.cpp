#include "export/gguf_tokenizer_files.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "io/gguf.h"
#include "io/json.h"

namespace vernier {

namespace {

const std::string kPrefix = "tokenizer.ggml.";
constexpr const char* kSpaceMark = "\xE2\x96\x81";  // U+2581

constexpr const char* kLlama3Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// llama.cpp's token types.
enum TokenType : std::int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

// What the Hugging Face tokenizers have that llama.cpp calls tokenizer.ggml.pre by these names.
struct ByteLevelKind {
  const char* pre;
  const char* split;  // nullptr: GPT-2's, which ByteLevel brings itself
  bool digits_apart, nfc, ignore_merges;
};
constexpr std::array<ByteLevelKind, 7> kByteLevelKinds = {{
    {"smollm", nullptr, true, false, false},
    {"gpt-2", nullptr, false, false, false},
    {"qwen2", kQwen2Split, false, true, false},
    {"deepseek-r1-qwen", kQwen2Split, false, true, false},
    {"llama-bpe", kLlama3Split, false, false, true},
    {"llama3", kLlama3Split, false, false, true},
    {"llama-v3", kLlama3Split, false, false, true},
}};

class Vocabulary {
 public:
  explicit Vocabulary(const GgufFile& file)
      : tokens(file.texts(kPrefix + "tokens").value_or(std::vector<std::string>())),
        types_(file.integers(kPrefix + "token_type").value_or(std::vector<std::int64_t>())) {}

  std::int64_t type(std::size_t id) const { return types_.empty() ? std::int64_t{kNormal} : types_[id]; }

  std::vector<std::string> tokens;

 private:
  std::vector<std::int64_t> types_;
};

Json vocabulary_json(const Vocabulary& vocabulary) {
  Json json = Json::object();
  auto& entries = json.get_ref<Json::object_t&>();
  entries.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) entries.emplace_back(vocabulary.tokens[id], id);
  return json;
}

Json added_tokens(const Vocabulary& vocabulary) {
  Json list = Json::array();
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::int64_t type = vocabulary.type(id);
    if ((type != kControl && type != kUserDefined && type != kUnknown) || vocabulary.tokens[id].empty()) continue;
    list.push_back({{"id", id},
                    {"content", vocabulary.tokens[id]},
                    {"single_word", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", type != kUserDefined}});
  }
  return list;
}

Json byte_level_step(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json pre_tokenizer(const ByteLevelKind& kind) {
  Json steps = Json::array();
  if (kind.digits_apart) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  if (kind.split != nullptr)
    steps.push_back(
        {{"type", "Split"}, {"pattern", {{"Regex", kind.split}}}, {"behavior", "Isolated"}, {"invert", false}});
  steps.push_back(byte_level_step(kind.split == nullptr));
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

// BOS and EOS around a text, where the tokenizer adds them.
Json post_processor(const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special();
  Json single = Json::array(), pair = Json::array(), table = Json::object();
  const auto add = [&](bool wanted, std::optional<TokenId> id, int sequence, Json& list) {
    if (!wanted || !id) return;
    const std::string text = tokenizer.token_text(*id);
    list.push_back({{"SpecialToken", {{"id", text}, {"type_id", sequence}}}});
    table[text] = {{"id", text}, {"ids", {*id}}, {"tokens", {text}}};
  };
  for (Json* list : {&single, &pair})
    for (int sequence = 0; sequence < (list == &single ? 1 : 2); ++sequence) {
      add(special.add_bos, special.bos, sequence, *list);
      list->push_back({{"Sequence", {{"id", sequence == 0 ? "A" : "B"}, {"type_id", sequence}}}});
      add(special.add_eos, special.eos, sequence, *list);
    }
  if (table.empty()) return nullptr;
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", table}};
}

Json bpe_model(const Vocabulary& vocabulary, Json merges, const ByteLevelKind* kind, const Json& unk) {
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", unk},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", kind == nullptr},
          {"byte_fallback", kind == nullptr},
          {"ignore_merges", kind != nullptr && kind->ignore_merges},
          {"vocab", vocabulary_json(vocabulary)},
          {"merges", std::move(merges)}};
}

std::string document(const Vocabulary& vocabulary, const Tokenizer& tokenizer, Json normalizer, Json pre, Json decoder,
                     Json model) {
  const Json json = {{"version", "1.0"},
                     {"truncation", nullptr},
                     {"padding", nullptr},
                     {"added_tokens", added_tokens(vocabulary)},
                     {"normalizer", std::move(normalizer)},
                     {"pre_tokenizer", std::move(pre)},
                     {"post_processor", post_processor(tokenizer)},
                     {"decoder", std::move(decoder)},
                     {"model", std::move(model)}};
  return json.dump(1) + "\n";
}

std::string byte_level_json(const GgufFile& file, const Tokenizer& tokenizer) {
  const std::string pre = file.text(kPrefix + "pre").value_or("");
  const auto* kind = std::find_if(kByteLevelKinds.begin(), kByteLevelKinds.end(),
                                  [&](const ByteLevelKind& known) { return pre == known.pre; });
  if (kind == kByteLevelKinds.end())
    throw Error(ErrorKind::kInput, str("the pre-tokenizer \"", pre, "\" cannot be written as a tokenizer.json"),
                str(file.path(), ": ", kPrefix, "pre"));
  if (file.boolean(kPrefix + "add_space_prefix").value_or(false))
    throw Error(ErrorKind::kInput, "a byte-level tokenizer with a space prefix cannot be written as a tokenizer.json",
                str(file.path(), ": ", kPrefix, "add_space_prefix"));
  const Vocabulary vocabulary(file);
  Json merges = file.texts(kPrefix + "merges").value_or(std::vector<std::string>());
  Json normalizer = kind->nfc ? Json{{"type", "NFC"}} : Json(nullptr);
  return document(vocabulary, tokenizer, std::move(normalizer), pre_tokenizer(*kind), byte_level_step(true),
                  bpe_model(vocabulary, std::move(merges), kind, nullptr));
}

std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// SentencePiece joins the neighbours whose joined piece has the best score. As a list: every cut of a piece into two
// pieces, best first; between equal scores in the order of transformers' converter.
Json merges_of_scores(const GgufFile& file, const Vocabulary& vocabulary) {
  struct Merge {
    double score;
    std::int64_t left_length, right_length;
    std::size_t left, right;
  };
  const std::vector<double> scores = file.numbers(kPrefix + "scores").value_or(std::vector<double>());
  std::unordered_map<std::string_view, std::size_t> id_of;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id)
    if (vocabulary.type(id) == kNormal) id_of.emplace(vocabulary.tokens[id], id);
  std::vector<Merge> merges;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.type(id) != kNormal) continue;
    const std::string_view text = vocabulary.tokens[id];
    const auto first = static_cast<std::ptrdiff_t>(merges.size());
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      if ((static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) continue;
      const auto left = id_of.find(text.substr(0, cut)), right = id_of.find(text.substr(cut));
      if (left == id_of.end() || right == id_of.end()) continue;
      merges.push_back({scores[id], characters(left->first), characters(right->first), left->second, right->second});
    }
    std::sort(merges.begin() + first, merges.end(),
              [](const Merge& a, const Merge& b) { return std::tie(a.left, a.right) < std::tie(b.left, b.right); });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(a.score, a.left_length, a.right_length) > std::tie(b.score, b.left_length, b.right_length);
  });
  Json list = Json::array();
  for (const Merge& merge : merges)
    list.push_back(vocabulary.tokens[merge.left] + " " + vocabulary.tokens[merge.right]);
  return list;
}

std::string sentencepiece_json(const GgufFile& file, const Tokenizer& tokenizer) {
  const Vocabulary vocabulary(file);
  const bool prefix = file.boolean(kPrefix + "add_space_prefix").value_or(true);
  Json steps = Json::array();
  if (prefix) steps.push_back({{"type", "Prepend"}, {"prepend", kSpaceMark}});
  steps.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpaceMark}});
  Json decoders = Json::array();
  decoders.push_back({{"type", "Replace"}, {"pattern", {{"String", kSpaceMark}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  const auto unk = tokenizer.special().unk;
  return document(vocabulary, tokenizer, {{"type", "Sequence"}, {"normalizers", std::move(steps)}}, nullptr,
                  {{"type", "Sequence"}, {"decoders", std::move(decoders)}},
                  bpe_model(vocabulary, merges_of_scores(file, vocabulary), nullptr,
                            unk ? Json(tokenizer.token_text(*unk)) : Json(nullptr)));
}

}  // namespace

std::string gguf_tokenizer_json(const GgufFile& file, const Tokenizer& tokenizer) {
  const bool byte_level = file.text(kPrefix + "model") == "gpt2";
  return byte_level ? byte_level_json(file, tokenizer) : sentencepiece_json(file, tokenizer);
}

std::string gguf_tokenizer_config(const GgufFile& file, const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special();
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"clean_up_tokenization_spaces", false},
                 {"add_bos_token", special.add_bos},
                 {"add_eos_token", special.add_eos}};
  for (const auto& [name, id] : {std::pair{"bos_token", special.bos}, std::pair{"eos_token", special.eos},
                                 std::pair{"pad_token", special.pad}, std::pair{"unk_token", special.unk}})
    if (id) config[name] = tokenizer.token_text(*id);
  const std::string architecture = file.text("general.architecture").value_or("");
  if (const auto context = file.integer(architecture + ".context_length")) config["model_max_length"] = *context;
  if (!is_utf8(tokenizer.chat_template()))
    throw Error(ErrorKind::kInput, "is not UTF-8", str(file.path(), ": tokenizer.chat_template"));
  if (!tokenizer.chat_template().empty()) config["chat_template"] = tokenizer.chat_template();
  return config.dump(2) + "\n";
}

}  // namespace vernier

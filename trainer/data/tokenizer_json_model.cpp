// The "model" section: vocabulary and merges.

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "data/tokenizer_fields.h"
#include "data/tokenizer_json.h"

namespace vernier {
namespace {

void refuse_unless_empty(const Json& model, const char* key, const std::string& where) {
  const auto text = text_field(model, key, where);
  if (text && !text->empty()) refuse_feature(str(key, " \"", *text, "\""), where);
}

void read_vocabulary(const Json& vocab, const std::string& where, Vocabulary& vocabulary) {
  if (!vocab.is_object()) throw Error(ErrorKind::kInput, "the vocabulary must be an object", where);
  for (const auto& [text, id] : vocab.items()) {
    if (!id.is_number_integer()) throw Error(ErrorKind::kInput, str("token \"", text, "\" has no whole id"), where);
    if (id.is_number_unsigned() && id.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max())
      throw Error(ErrorKind::kInput, str("token \"", text, "\" has the id ", id.dump()), where);
    vocabulary.add(text, id.get<std::int64_t>(), where);
  }
}

struct MergeTexts {
  std::string left, right;
};

MergeTexts merge_of_string(const std::string& line, const std::string& where) {
  const std::size_t space = line.find(' ');
  if (space == line.npos || line.find(' ', space + 1) != line.npos)
    throw Error(ErrorKind::kInput, str("the merge \"", line, "\" is not two tokens with one space between"), where);
  return {line.substr(0, space), line.substr(space + 1)};
}

MergeTexts merge_of_pair(const Json& pair, const std::string& where) {
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
    throw Error(ErrorKind::kInput, "a merge must be a list of two strings", where);
  return {pair[0].get<std::string>(), pair[1].get<std::string>()};
}

void read_merges(const Json& merges, const std::string& where, BpeTokenizerParts& parts) {
  if (!merges.is_array()) throw Error(ErrorKind::kInput, "\"merges\" must be a list", where);
  const bool are_strings = !merges.empty() && merges[0].is_string();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const Json& merge = merges[i];
    const std::string place = str(where, ".merges[", i, "]");
    if (are_strings != merge.is_string())
      throw Error(ErrorKind::kInput, "merges must be all strings or all pairs", place);
    if (are_strings && starts_with(merge.get_ref<const std::string&>(), "#version")) continue;
    const MergeTexts texts =
        are_strings ? merge_of_string(merge.get<std::string>(), place) : merge_of_pair(merge, place);
    parts.merges.push_back(merge_from_texts(parts.vocabulary, texts.left, texts.right, parts.merges.size(), place));
  }
}

bool has_all_bytes(const Vocabulary& vocabulary, bool byte_level) {
  for (unsigned byte = 0; byte < 256; ++byte)
    if (!vocabulary.find(byte_token_text(byte, byte_level))) return false;
  return true;
}

}  // namespace

void read_bpe_model(const Json& model, const std::string& where, BpeTokenizerParts& parts) {
  const std::string type = text_field(model, "type", where).value_or("BPE");
  if (type != "BPE") refuse_feature(str("the tokenizer model \"", type, "\""), where);
  const Json* dropout = json_field(model, "dropout", where);
  if (dropout != nullptr && (!dropout->is_number() || dropout->get<double>() != 0)) refuse_feature("dropout", where);
  refuse_unless_empty(model, "continuing_subword_prefix", where);
  refuse_unless_empty(model, "end_of_word_suffix", where);
  parts.options.ignore_merges = bool_field(model, "ignore_merges", where).value_or(false);
  parts.options.byte_fallback = bool_field(model, "byte_fallback", where).value_or(false);
  parts.options.fuse_unk = bool_field(model, "fuse_unk", where).value_or(false);
  read_vocabulary(required_field(model, "vocab", where), str(where, ".vocab"), parts.vocabulary);
  read_merges(required_field(model, "merges", where), where, parts);
  if (const auto unk = text_field(model, "unk_token", where)) parts.options.unk = parts.vocabulary.find(*unk);
}

void check_bytes_and_unk(const Json& model, const std::string& where, const BpeTokenizerParts& parts) {
  const bool byte_level = parts.options.byte_level;
  const bool bytes_complete = has_all_bytes(parts.vocabulary, byte_level);
  if (byte_level && parts.options.byte_fallback && !bytes_complete)
    refuse_feature("byte_fallback under a ByteLevel pre-tokenizer with an incomplete byte alphabet", where);
  const auto unk = text_field(model, "unk_token", where);
  const bool needs_unk = !bytes_complete || (!byte_level && !parts.options.byte_fallback);
  if (unk && !parts.options.unk && needs_unk)
    throw Error(ErrorKind::kInput, str("the unk_token \"", *unk, "\" is not in the vocabulary"), where);
}

}  // namespace vernier

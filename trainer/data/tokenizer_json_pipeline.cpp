// The sections around the model: normalizer, pre_tokenizer, post_processor, decoder.

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "data/tokenizer_fields.h"
#include "data/tokenizer_json.h"

namespace vernier {
namespace {

std::string type_of(const Json& section, const std::string& where) {
  return required_text(section, "type", where);
}

// The parts of a Sequence, under the key that this kind of section uses.
const Json& parts_of(const Json& section, const char* key, const std::string& where) {
  const Json& parts = required_field(section, key, where);
  if (!parts.is_array()) throw Error(ErrorKind::kInput, str("\"", key, "\" must be a list"), where);
  return parts;
}

// {"String": "..."}: the only pattern of a Replace that is read.
std::string string_pattern(const Json& section, const std::string& where) {
  const Json& pattern = required_field(section, "pattern", where);
  if (pattern.is_object() && pattern.contains("Regex")) refuse_feature("Replace by a regex", where);
  const std::string text = required_text(pattern, "String", where);
  if (text.empty()) refuse_feature("an empty pattern", where);
  return text;
}

void add_normalizer(const Json& section, const std::string& where, std::vector<NormalizerStep>& steps) {
  const std::string type = type_of(section, where);
  if (type == "Sequence") {
    for (const Json& part : parts_of(section, "normalizers", where)) add_normalizer(part, where, steps);
  } else if (type == "NFC") {
    steps.emplace_back(std::make_shared<const Nfc>());
  } else if (type == "Prepend") {
    steps.emplace_back(PrependText{required_text(section, "prepend", where)});
  } else if (type == "Replace") {
    const std::string from = string_pattern(section, where);
    steps.emplace_back(ReplaceText{from, text_field(section, "content", where).value_or("")});
  } else {
    refuse_feature(str("the normalizer \"", type, "\""), where);
  }
}

// One character of a Metaspace.
std::string replacement_of(const Json& section, const std::string& where) {
  const std::string text = required_text(section, "replacement", where);
  if (text.empty() || decode_utf8(text, 0).bytes != text.size())
    throw Error(ErrorKind::kInput, "\"replacement\" must be one character", where);
  return text;
}

MetaspacePrefix prefix_of(const Json& section, const std::string& where) {
  const bool adds_prefix = bool_field(section, "add_prefix_space", where).value_or(true);
  const std::string scheme = text_field(section, "prepend_scheme", where).value_or(adds_prefix ? "always" : "never");
  if (!adds_prefix && scheme != "never")
    throw Error(ErrorKind::kInput, str("add_prefix_space is false, but prepend_scheme is ", scheme), where);
  if (scheme == "always") return MetaspacePrefix::kAlways;
  if (scheme == "first") return MetaspacePrefix::kFirst;
  if (scheme == "never") return MetaspacePrefix::kNever;
  refuse_feature(str("the prepend_scheme \"", scheme, "\""), where);
}

using PreTokenizers = std::vector<std::unique_ptr<PreTokenizer>>;

void add_split(const Json& section, const UnicodeClassesPtr& classes, const std::string& where, PreTokenizers& steps) {
  const std::string behavior = required_text(section, "behavior", where);
  if (behavior != "Isolated") refuse_feature(str("Split with the behavior \"", behavior, "\""), where);
  const Json& pattern = required_field(section, "pattern", where);
  if (const auto regex = text_field(pattern, "Regex", where))
    return steps.push_back(make_regex_split(*regex, classes, where));
  const std::string separator = required_text(pattern, "String", where);
  if (separator.empty()) refuse_feature("an empty pattern", where);
  steps.push_back(make_string_split(separator));
}

void add_byte_level(const Json& section, const UnicodeClassesPtr& classes, const std::string& where,
                    BpeTokenizerParts& parts) {
  if (bool_field(section, "add_prefix_space", where).value_or(true))
    parts.pre_tokenizers.push_back(make_prefix_space());
  if (bool_field(section, "use_regex", where).value_or(true))
    parts.pre_tokenizers.push_back(make_known_split(KnownSplit::kGpt2, classes));
  parts.options.byte_level = true;
}

void add_pre_tokenizer(const Json& section, const UnicodeClassesPtr& classes, const std::string& where,
                       BpeTokenizerParts& parts) {
  const std::string type = type_of(section, where);
  if (type == "Sequence") {
    for (const Json& part : parts_of(section, "pretokenizers", where)) add_pre_tokenizer(part, classes, where, parts);
    return;
  }
  // It rewrites the text in the byte-level alphabet, which no later step could read as ours do.
  if (parts.options.byte_level) refuse_feature(str("the pre-tokenizer \"", type, "\" after ByteLevel"), where);
  if (type == "ByteLevel") {
    add_byte_level(section, classes, where, parts);
  } else if (type == "Digits") {
    const bool individual = bool_field(section, "individual_digits", where).value_or(false);
    parts.pre_tokenizers.push_back(make_digits_split(individual, classes));
  } else if (type == "Split") {
    add_split(section, classes, where, parts.pre_tokenizers);
  } else if (type == "Metaspace") {
    const bool cut = bool_field(section, "split", where).value_or(true);
    parts.pre_tokenizers.push_back(make_metaspace(replacement_of(section, where), prefix_of(section, where), cut));
  } else {
    refuse_feature(str("the pre-tokenizer \"", type, "\""), where);
  }
}

void add_decoder(const Json& section, const std::string& where, std::vector<DecodeStep>& steps) {
  const std::string type = type_of(section, where);
  if (type == "Sequence") {
    for (const Json& part : parts_of(section, "decoders", where)) add_decoder(part, where, steps);
  } else if (type == "ByteLevel") {
    steps.emplace_back(DecodeByteLevel{});
  } else if (type == "ByteFallback") {
    steps.emplace_back(DecodeByteFallback{});
  } else if (type == "Fuse") {
    steps.emplace_back(DecodeFuse{});
  } else if (type == "Replace") {
    const std::string from = string_pattern(section, where);
    steps.emplace_back(DecodeReplace{from, text_field(section, "content", where).value_or("")});
  } else if (type == "Strip") {
    const std::string content = required_text(section, "content", where);
    const auto start = integer_field(section, "start", where).value_or(0);
    const auto stop = integer_field(section, "stop", where).value_or(0);
    if (content.empty() || decode_utf8(content, 0).bytes != content.size() || start < 0 || stop < 0)
      throw Error(ErrorKind::kInput, "Strip needs one character and counts from 0", where);
    steps.emplace_back(
        DecodeStrip{decode_utf8(content, 0).value, static_cast<std::size_t>(start), static_cast<std::size_t>(stop)});
  } else if (type == "Metaspace") {
    const bool drops_first = prefix_of(section, where) != MetaspacePrefix::kNever;
    steps.emplace_back(DecodeMetaspace{replacement_of(section, where), drops_first});
  } else {
    refuse_feature(str("the decoder \"", type, "\""), where);
  }
}

// "<s>" -> its ids, from the template's own table.
std::vector<TokenId> special_ids(const Json& section, const std::string& name, const std::string& where) {
  const Json& entry = required_field(required_field(section, "special_tokens", where), name, where);
  const Json& ids = required_field(entry, "ids", where);
  std::vector<TokenId> out;
  for (const Json& id : ids) {
    if (!id.is_number_integer())
      throw Error(ErrorKind::kInput, str("\"", name, "\" has an id that is no number"), where);
    out.push_back(id.get<TokenId>());
  }
  return out;
}

void read_template(const Json& section, const std::string& where, TemplateIds& ids) {
  bool before = true;
  for (const Json& piece : parts_of(section, "single", where)) {
    if (json_field(piece, "Sequence", where) != nullptr) {
      before = false;
      continue;
    }
    const std::string name = required_text(required_field(piece, "SpecialToken", where), "id", where);
    auto& side = before ? ids.before : ids.after;
    for (const TokenId id : special_ids(section, name, where)) side.push_back(id);
  }
}

}  // namespace

Normalizer read_normalizer(const Json* section, const std::string& where) {
  std::vector<NormalizerStep> steps;
  if (section != nullptr) add_normalizer(*section, where, steps);
  return Normalizer(std::move(steps));
}

void read_pre_tokenizer(const Json* section, const UnicodeClassesPtr& classes, const std::string& where,
                        BpeTokenizerParts& parts) {
  if (section != nullptr) add_pre_tokenizer(*section, classes, where, parts);
}

std::vector<DecodeStep> read_decoder(const Json& section, const std::string& where) {
  std::vector<DecodeStep> steps;
  add_decoder(section, where, steps);
  return steps;
}

TemplateIds read_post_processor(const Json* section, const std::string& where) {
  TemplateIds ids;
  if (section == nullptr) return ids;
  const std::string type = type_of(*section, where);
  if (type == "Sequence") {
    for (const Json& part : parts_of(*section, "processors", where)) {
      const TemplateIds inner = read_post_processor(&part, where);
      ids.before.insert(ids.before.begin(), inner.before.begin(), inner.before.end());
      ids.after.insert(ids.after.end(), inner.after.begin(), inner.after.end());
    }
  } else if (type == "TemplateProcessing") {
    read_template(*section, where, ids);
  } else if (type != "ByteLevel") {
    refuse_feature(str("the post-processor \"", type, "\""), where);
  }
  return ids;
}

}  // namespace vernier

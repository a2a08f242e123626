#include "data/tokenizer_json.h"

#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "data/tokenizer_fields.h"

namespace vernier {
namespace {

void read_added_tokens(const Json* list, const std::string& where, AddedTokenList& added) {
  if (list == nullptr) return;
  if (!list->is_array()) throw Error(ErrorKind::kInput, "a list is needed here", where);
  for (const Json& entry : *list) {
    const AddedToken token = read_added_token(entry, where);
    const auto id = integer_field(entry, "id", where);
    if (!id) throw Error(ErrorKind::kInput, str("added token \"", token.content, "\" has no id"), where);
    if (token.content.empty()) continue;
    const TokenId given = added.ensure(token);
    if (given != *id)
      throw Error(ErrorKind::kInput,
                  str("added token \"", token.content, "\" has the id ", *id, ", but on loading it would get ", given),
                  where, "number added tokens one after the other behind the vocabulary");
  }
}

void refuse_vanishing_tokens(const BpeTokenizerParts& parts, const std::string& where) {
  for (const AddedToken& token : parts.added)
    if (token.normalized && parts.normalizer.apply(token.content).empty())
      refuse_feature(str("an added token, \"", token.content, "\", that the normalizer makes empty"), where);
}

// Whether a text gets BOS and EOS: the configuration's word, else what the post-processor does.
void settle_bos_and_eos(const TokenizerSettings& settings, const TemplateIds& ids, const std::string& where,
                        SpecialTokens& special) {
  const auto settle = [&](const std::vector<TokenId>& from_template, std::optional<bool> wish, const char* name,
                          std::optional<TokenId>& id, bool& adds) {
    adds = wish.value_or(!from_template.empty());
    if (!wish && adds) {
      if (!id && from_template.size() == 1) id = from_template[0];
      if (from_template != std::vector<TokenId>{id.value_or(-1)})
        refuse_feature(str("a post-processor that adds other tokens than ", name), where);
    }
    if (adds && !id)
      throw Error(ErrorKind::kInput, str("add_", name, "_token is true, but there is no ", name, "_token"), where);
  };
  settle(ids.before, settings.add_bos, "bos", special.bos, special.add_bos);
  settle(ids.after, settings.add_eos, "eos", special.eos, special.add_eos);
}

}  // namespace

std::unique_ptr<Tokenizer> tokenizer_from_json(const TokenizerFiles& files) {
  check(files.tokenizer_json.has_value(), "no tokenizer.json");
  const std::string where = files.path("tokenizer.json");
  const Json document = parse_json(*files.tokenizer_json, where);
  const auto section = [&](const char* key) { return json_field(document, key, where); };
  const auto place = [&](const char* key) { return str(where, ": ", key); };

  auto classes = std::make_shared<const UnicodeClasses>();
  BpeTokenizerParts parts;
  const Json& model = required_field(document, "model", where);
  read_bpe_model(model, place("model"), parts);
  parts.normalizer = read_normalizer(section("normalizer"), place("normalizer"));
  read_pre_tokenizer(section("pre_tokenizer"), classes, place("pre_tokenizer"), parts);
  check_bytes_and_unk(model, place("model"), parts);
  parts.has_decoder = section("decoder") != nullptr;
  if (parts.has_decoder) parts.decoder = read_decoder(*section("decoder"), place("decoder"));
  AddedTokenList added(parts.vocabulary);
  read_added_tokens(section("added_tokens"), place("added_tokens"), added);

  const TokenizerSettings settings = read_tokenizer_settings(files);
  apply_settings(settings, files.path("tokenizer_config.json"), added, parts.special);
  parts.added = added.tokens();
  refuse_vanishing_tokens(parts, place("added_tokens"));
  const TemplateIds template_ids = read_post_processor(section("post_processor"), place("post_processor"));
  settle_bos_and_eos(settings, template_ids, files.path("tokenizer_config.json"), parts.special);
  parts.chat_template = settings.chat_template;
  parts.identity = tokenizer_identity(files);
  return make_bpe_tokenizer(std::move(parts), std::move(classes));
}

}  // namespace vernier

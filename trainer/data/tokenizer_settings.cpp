#include "data/tokenizer_settings.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/tokenizer_fields.h"
#include "io/model_dir.h"

namespace vernier {
namespace {

std::optional<AddedToken> named_token(const Json& object, const std::string& key, const std::string& where) {
  const Json* value = json_field(object, key, where);
  if (value == nullptr) return std::nullopt;
  AddedToken token;
  if (value->is_string()) {
    token.content = value->get<std::string>();
    token.normalized = false;
  } else {
    token = read_added_token(*value, str(where, ": ", key));
  }
  token.special = true;
  if (token.content.empty()) return std::nullopt;
  return token;
}

// The key of tokenizer_config.json, else of special_tokens_map.json; a null in the first counts as an answer.
std::optional<AddedToken> named_token_of(const Json& config, const Json& map, const TokenizerFiles& files,
                                         const std::string& key) {
  if (config.contains(key)) return named_token(config, key, files.path("tokenizer_config.json"));
  return named_token(map, key, files.path("special_tokens_map.json"));
}

std::string template_of_list(const Json& list, const std::string& where) {
  for (const Json& entry : list)
    if (text_field(entry, "name", where) == "default") return required_text(entry, "template", where);
  return "";
}

std::string chat_template_of(const Json& config, const TokenizerFiles& files) {
  if (files.chat_template) return *files.chat_template;
  const std::string where = str(files.path("tokenizer_config.json"), ": chat_template");
  const Json* value = json_field(config, "chat_template", where);
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  if (value->is_array()) return template_of_list(*value, where);
  throw Error(ErrorKind::kInput, "a string or a list of templates is needed here", where);
}

TokenId id_of_text(const std::string& text, const std::string& where) {
  TokenId id = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (problem != std::errc() || end != text.data() + text.size() || id < 0)
    throw Error(ErrorKind::kInput, str("\"", text, "\" is no token id"), where);
  return id;
}

void read_added_decoder(const Json& config, const std::string& file, std::vector<AddedToken>& added) {
  const std::string where = str(file, ": added_tokens_decoder");
  const Json* decoder = json_field(config, "added_tokens_decoder", where);
  if (decoder == nullptr) return;
  if (!decoder->is_object()) throw Error(ErrorKind::kInput, "an object is needed here", where);
  for (const auto& [key, value] : decoder->items()) {
    AddedToken token = read_added_token(value, str(where, ": ", key));
    token.id = id_of_text(key, where);
    if (!token.content.empty()) added.push_back(std::move(token));
  }
}

void read_added_file(const TokenizerFiles& files, std::vector<AddedToken>& added) {
  if (!files.added_tokens) return;
  const std::string where = files.path("added_tokens.json");
  const Json tokens = parse_json(*files.added_tokens, where);
  if (!tokens.is_object()) throw Error(ErrorKind::kInput, "an object is needed here", where);
  std::unordered_set<std::string> known;
  for (const AddedToken& token : added) known.insert(token.content);
  for (const auto& [content, id] : tokens.items()) {
    if (!id.is_number_unsigned()) throw Error(ErrorKind::kInput, str("token \"", content, "\" has no id"), where);
    if (known.contains(content) || content.empty()) continue;
    AddedToken token;
    token.content = content;
    token.id = id_of_text(id.dump(), where);
    token.normalized = false;
    added.push_back(std::move(token));
  }
}

}  // namespace

std::string TokenizerFiles::path(const std::string& name) const {
  return directory.empty() ? name : str(directory, "/", name);
}

TokenizerFiles read_tokenizer_files(const ModelDir& model) {
  TokenizerFiles files;
  files.directory = model.path();
  files.tokenizer_json = model.file("tokenizer.json");
  files.tokenizer_config = model.file("tokenizer_config.json");
  files.special_tokens_map = model.file("special_tokens_map.json");
  files.chat_template = model.file("chat_template.jinja");
  files.tokenizer_model = model.file("tokenizer.model");
  files.added_tokens = model.file("added_tokens.json");
  return files;
}

std::string tokenizer_identity(const TokenizerFiles& files) {
  Sha256 hash;
  const auto add = [&](const char* name, const std::optional<std::string>& text) {
    if (!text) return;
    hash.update(str(name, "\n", text->size(), "\n"));
    hash.update(*text);
  };
  add("tokenizer.json", files.tokenizer_json);
  add("tokenizer.model", files.tokenizer_model);
  add("tokenizer_config.json", files.tokenizer_config);
  add("special_tokens_map.json", files.special_tokens_map);
  add("added_tokens.json", files.added_tokens);
  add("chat_template.jinja", files.chat_template);
  return hash.finish();
}

AddedToken read_added_token(const Json& object, const std::string& where) {
  AddedToken token;
  token.content = required_text(object, "content", where);
  token.special = bool_field(object, "special", where).value_or(false);
  token.single_word = bool_field(object, "single_word", where).value_or(false);
  token.lstrip = bool_field(object, "lstrip", where).value_or(false);
  token.rstrip = bool_field(object, "rstrip", where).value_or(false);
  token.normalized = bool_field(object, "normalized", where).value_or(!token.special);
  return token;
}

TokenizerSettings read_tokenizer_settings(const TokenizerFiles& files) {
  const std::string config_path = files.path("tokenizer_config.json");
  const std::string map_path = files.path("special_tokens_map.json");
  const Json config = files.tokenizer_config ? parse_json(*files.tokenizer_config, config_path) : Json::object();
  const Json map = files.special_tokens_map ? parse_json(*files.special_tokens_map, map_path) : Json::object();
  if (!config.is_object()) throw Error(ErrorKind::kInput, "an object is needed here", config_path);
  if (!map.is_object()) throw Error(ErrorKind::kInput, "an object is needed here", map_path);

  TokenizerSettings settings;
  settings.bos = named_token_of(config, map, files, "bos_token");
  settings.eos = named_token_of(config, map, files, "eos_token");
  settings.pad = named_token_of(config, map, files, "pad_token");
  settings.unk = named_token_of(config, map, files, "unk_token");
  settings.add_bos = bool_field(config, "add_bos_token", config_path);
  settings.add_eos = bool_field(config, "add_eos_token", config_path);
  settings.legacy = bool_field(config, "legacy", config_path);
  settings.chat_template = chat_template_of(config, files);
  read_added_decoder(config, config_path, settings.added);
  read_added_file(files, settings.added);
  std::sort(settings.added.begin(), settings.added.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  for (const Json* source : {&config, &map}) {
    const Json* list = json_field(*source, "additional_special_tokens", config_path);
    if (list == nullptr || !list->is_array()) continue;
    for (const Json& entry : *list)
      if (auto token = named_token(Json{{"token", entry}}, "token", config_path))
        settings.additional_special.push_back(std::move(*token));
    break;
  }
  return settings;
}

void apply_settings(const TokenizerSettings& settings, const std::string& where, AddedTokenList& added,
                    SpecialTokens& special) {
  for (const AddedToken& token : settings.added) {
    const TokenId id = added.ensure(token);
    if (id != token.id)
      throw Error(
          ErrorKind::kInput,
          str("added token \"", token.content, "\" has the id ", token.id, " here, but the tokenizer gives it ", id),
          where);
    added.take_flags(token);
  }
  if (settings.bos) special.bos = added.ensure(*settings.bos);
  if (settings.eos) special.eos = added.ensure(*settings.eos);
  if (settings.pad) special.pad = added.ensure(*settings.pad);
  if (settings.unk) special.unk = added.ensure(*settings.unk);
  for (const AddedToken& token : settings.additional_special) added.ensure(token);
}

}  // namespace vernier

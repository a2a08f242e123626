#include "infer/stop_tokens.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace vernier {

namespace {

TokenId read_id(const Json& value, const std::string& where) {
  constexpr std::int64_t kLargest = std::numeric_limits<TokenId>::max();
  if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > static_cast<double>(kLargest))
    throw Error(ErrorKind::kInput, "eos_token_id is neither a token id nor a list of them", where);
  return value.get<TokenId>();
}

bool is_special(const Tokenizer& tokenizer, TokenId id) {
  return !tokenizer.token_text(id).empty() && tokenizer.decode({id}, true).empty() &&
         !tokenizer.decode({id}, false).empty();
}

}  // namespace

std::vector<TokenId> generation_config_stops(const ModelDir& base) {
  constexpr const char* kName = "generation_config.json";
  const auto text = base.file(kName);
  if (!text) return {};
  const std::string where = base.path() + "/" + kName;
  const Json config = parse_json(*text, where);
  if (!config.is_object()) throw Error(ErrorKind::kInput, "is not a JSON object", where);
  const auto found = config.find("eos_token_id");
  if (found == config.end() || found->is_null()) return {};
  if (!found->is_array()) return {read_id(*found, where)};
  std::vector<TokenId> ids;
  for (const Json& value : *found) ids.push_back(read_id(value, where));
  return ids;
}

std::vector<TokenId> end_of_turn_stops(const ChatTemplate& chat_template, const Tokenizer& tokenizer) {
  const Json probe = {{{"role", "user"}, {"content", "a"}}, {{"role", "assistant"}, {"content", "b"}}};
  ChatTemplate::Rendered rendered;
  try {
    rendered = chat_template.encode(probe, tokenizer);
  } catch (const Error&) {
    // A template may refuse these two turns; then the EOS of the tokenizer and the config must do.
    return {};
  }
  for (std::size_t i = rendered.ids.size(); i-- > 0;)
    if (rendered.trained[i])
      return is_special(tokenizer, rendered.ids[i]) ? std::vector<TokenId>{rendered.ids[i]} : std::vector<TokenId>{};
  return {};
}

std::vector<TokenId> stop_tokens(const ModelSpec& spec, const ModelDir& base, const Tokenizer& tokenizer,
                                 const ChatTemplate* chat_template) {
  std::vector<TokenId> ids = generation_config_stops(base);
  for (const std::int64_t id : spec.eos_ids) ids.push_back(static_cast<TokenId>(id));
  if (tokenizer.special().eos) ids.push_back(*tokenizer.special().eos);
  if (chat_template != nullptr)
    for (const TokenId id : end_of_turn_stops(*chat_template, tokenizer)) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace vernier

#pragma once
// What lies beside a tokenizer in a Hugging Face directory: tokenizer_config.json, special_tokens_map.json and
// chat_template.jinja. They name the special tokens, say whether BOS and EOS are added, and may bring added tokens.

#include <optional>
#include <string>
#include <vector>

#include "data/tokenizer_added.h"
#include "data/tokenizer_added_list.h"
#include "io/json.h"

namespace vernier {

class ModelDir;

// The texts of the files of one directory; nullopt: absent.
struct TokenizerFiles {
  std::string directory;  // for messages
  std::optional<std::string> tokenizer_json, tokenizer_config, special_tokens_map, chat_template, tokenizer_model,
      added_tokens;

  std::string path(const std::string& name) const;
};

TokenizerFiles read_tokenizer_files(const ModelDir& model);

// SHA-256 over names, sizes and contents of the files that are present.
std::string tokenizer_identity(const TokenizerFiles& files);

struct TokenizerSettings {
  // As written: the flags of a plain string are those of a special token (normalized = false). Ids are not set.
  std::optional<AddedToken> bos, eos, pad, unk;
  std::vector<AddedToken> additional_special;
  std::vector<AddedToken> added;  // added_tokens_decoder and added_tokens.json, with ids, by id
  std::optional<bool> add_bos, add_eos;
  std::optional<bool> legacy;
  std::string chat_template;
};

// Error(kInput) naming file and key for a value of the wrong type.
TokenizerSettings read_tokenizer_settings(const TokenizerFiles& files);

// One {"content", "lstrip", ...} object.
AddedToken read_added_token(const Json& object, const std::string& where);

// Makes the tokens that settings name part of `added` as Hugging Face does on loading: ones that are no added tokens
// yet become special, with the model's id where the vocabulary has them, else with the next free id. Fills the ids of
// `special`. Error(kInput) when added_tokens_decoder gives an id that this rule does not.
void apply_settings(const TokenizerSettings& settings, const std::string& where, AddedTokenList& added,
                    SpecialTokens& special);

}  // namespace vernier

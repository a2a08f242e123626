#pragma once
// Which ids end a completion: config.json's and generation_config.json's eos_token_id, the tokenizer's EOS, and the
// special token that ends an assistant's turn in the chat template.

#include <vector>

#include "data/chat_template.h"
#include "data/tokenizer.h"
#include "io/model_dir.h"
#include "spec/model_spec.h"

namespace vernier {

// eos_token_id of generation_config.json, a number or a list; empty when file or key is absent. Error(kInput) for
// another kind of value.
std::vector<TokenId> generation_config_stops(const ModelDir& base);

// The special token behind an assistant's turn; empty when the template writes none.
std::vector<TokenId> end_of_turn_stops(const ChatTemplate& chat_template, const Tokenizer& tokenizer);

// All of them, sorted, each once. `chat_template` may be null: text without turns.
std::vector<TokenId> stop_tokens(const ModelSpec& spec, const ModelDir& base, const Tokenizer& tokenizer,
                                 const ChatTemplate* chat_template);

}  // namespace vernier

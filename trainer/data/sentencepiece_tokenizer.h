#pragma once
// tokenizer.model through libsentencepiece, with the added tokens and the BOS rule that Hugging Face's LlamaTokenizer
// puts around it (https://github.com/google/sentencepiece).

#include <memory>

#include "data/tokenizer_settings.h"

namespace vernier {

// Precondition: files.tokenizer_model has a value. Control symbols in a text are ordinary text unless a
// tokenizer_config.json (or its companions) names them as added tokens. Error(kInput) when the model does not load.
std::unique_ptr<Tokenizer> tokenizer_from_sentencepiece(const TokenizerFiles& files);

}  // namespace vernier

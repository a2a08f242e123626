#pragma once
// The vocabulary inside a GGUF file as Hugging Face's tokenizer.json and tokenizer_config.json: the reverse of
// data/gguf_tokenizer.

#include <string>

#include "data/tokenizer.h"

namespace vernier {

class GgufFile;

// `tokenizer` is tokenizer_from_gguf(file): its special tokens and template are the ones written. Error(kInput) naming
// file and key for what tokenizer.json cannot say.
std::string gguf_tokenizer_json(const GgufFile& file, const Tokenizer& tokenizer);
std::string gguf_tokenizer_config(const GgufFile& file, const Tokenizer& tokenizer);

}  // namespace vernier

#pragma once
// The vocabulary inside a GGUF file to our tokenizer: tokenizer.ggml.model "gpt2" (byte-level BPE, cut as
// tokenizer.ggml.pre says) and "llama" (SentencePiece BPE by scores). Ids are those of the Hugging Face tokenizer that
// the file was converted from.

#include <memory>

#include "data/tokenizer.h"

namespace vernier {

class GgufFile;

// nullptr when the file has no tokenizer. Error(kInput) naming file and key for one that cannot be read exactly.
std::unique_ptr<Tokenizer> tokenizer_from_gguf(const GgufFile& file);

}  // namespace vernier

#include "data/tokenizer.h"

#include "data/gguf_tokenizer.h"
#include "data/sentencepiece_tokenizer.h"
#include "data/tokenizer_json.h"
#include "data/tokenizer_settings.h"
#include "io/model_dir.h"

namespace vernier {

std::unique_ptr<Tokenizer> load_tokenizer(const ModelDir& model) {
  if (const GgufFile* gguf = model.gguf()) return tokenizer_from_gguf(*gguf);
  const TokenizerFiles files = read_tokenizer_files(model);
  if (files.tokenizer_json) return tokenizer_from_json(files);
  if (files.tokenizer_model) return tokenizer_from_sentencepiece(files);
  return nullptr;
}

}  // namespace vernier

#pragma once
// The small files of a merged model: config.json, generation_config.json and the tokenizer's, out of a Hugging Face
// directory as they are, out of a GGUF file in Hugging Face's words.

#include <map>
#include <string>

#include "base/float_types.h"
#include "base/log.h"
#include "io/json.h"
#include "io/model_dir.h"

namespace vernier {

// The base's config.json with the type of the merged weights. Frequency factors of a GGUF file become the llama3
// rope_scaling that they were computed from; a warning where there is none, because only this program reads them.
Json merged_config(const ModelDir& base, Dtype dtype, const Log& log);

// generation_config.json and the tokenizer's files: name to bytes. Error(kInput) for a GGUF tokenizer that cannot be
// said in a tokenizer.json.
std::map<std::string, std::string> companion_files(const ModelDir& base);

// Makes `source` the chat template among a model's companion files: chat_template.jinja, and the one that
// tokenizer_config.json holds, so that readers of either see the same.
void set_chat_template(std::map<std::string, std::string>& files, const std::string& source);

}  // namespace vernier

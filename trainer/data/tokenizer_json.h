#pragma once
// tokenizer.json of Hugging Face's tokenizers (BPE models) to our tokenizer. Whatever it says that we could not do
// exactly is refused by name; its own truncation and padding are ignored.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/tokenizer_bpe.h"
#include "data/tokenizer_settings.h"

namespace vernier {

// Precondition: files.tokenizer_json has a value. Error(kInput) naming file and feature.
std::unique_ptr<Tokenizer> tokenizer_from_json(const TokenizerFiles& files);

// The sections of the file, each read on its own; `where` names file and section.
void read_bpe_model(const Json& model, const std::string& where, BpeTokenizerParts& parts);
// After the pre-tokenizer is known: Error(kInput) when the unk token or bytes that texts may need have no token.
void check_bytes_and_unk(const Json& model, const std::string& where, const BpeTokenizerParts& parts);
Normalizer read_normalizer(const Json* section, const std::string& where);
void read_pre_tokenizer(const Json* section, const UnicodeClassesPtr& classes, const std::string& where,
                        BpeTokenizerParts& parts);
std::vector<DecodeStep> read_decoder(const Json& section, const std::string& where);

// The ids that a post-processor puts before and after a text.
struct TemplateIds {
  std::vector<TokenId> before, after;
};
TemplateIds read_post_processor(const Json* section, const std::string& where);

}  // namespace vernier

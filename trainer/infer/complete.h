#pragma once
// Many prompts to their completions, one after another with one cache, and what is told on the way.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "infer/generate.h"

namespace vernier {

struct Completions {
  std::vector<std::string> texts;  // as the prompts
  std::int64_t tokens = 0;         // generated, stop tokens left out
  double seconds = 0;
  std::int64_t cut_at_max_new_tokens = 0, cut_at_model_limit = 0;  // completions that no stop token ended
};

// Checks every prompt before the first is completed: Error(kInput) naming all bad ones. Prompt i is row i of the draws.
// Says on the log how far it is (a live line on a terminal, else a line every 10 rows), the speed, and how many
// completions were cut off. No prompts: nothing.
Completions complete_prompts(const Decoder& model, const Device& device, Arena& arena, const Tokenizer& tokenizer,
                             std::span<const Prompt> prompts, const std::vector<TokenId>& stop_ids,
                             const GenerateOptions& options, const Log& log);

}  // namespace vernier

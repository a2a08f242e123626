#pragma once
// Completions token by token through a cache of keys and values, which serves one prompt after another.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/tokenizer.h"
#include "model/decoder.h"
#include "model/kv_cache.h"

namespace vernier {

struct GenerateOptions {
  std::int64_t max_new_tokens = 256;
  double temperature = 0;  // 0: greedy
  std::uint64_t seed = 42;
};

struct Prompt {
  std::vector<TokenId> ids;
  bool raw = false;   // text to be continued, not a turn to be answered
  std::string where;  // "file:line" or "--prompt": for errors
};

enum class Ending { kStopToken, kMaxNewTokens, kModelLimit };

struct Generated {
  std::vector<TokenId> ids;  // without the stop token
  Ending ending = Ending::kMaxNewTokens;
};

// Longest row, prompt and completion together: what the rotation's table and the model's config both allow.
std::int64_t generation_limit(const Decoder& model);

// Error(kInput) naming every prompt (up to 20) that is empty, leaves no room for a token in a row of `longest_row`
// tokens, or holds an id outside the vocabulary.
void check_prompts(std::span<const Prompt> prompts, const ModelSpec& spec, std::int64_t longest_row);

class Generator {
 public:
  // The cache holds the longest prompt and its completion, or the model's limit if that is less. All references must
  // outlive the object.
  Generator(const Decoder& model, const Device& device, Arena& arena, std::vector<TokenId> stop_ids,
            const GenerateOptions& options, std::int64_t longest_prompt);

  // `row` keys the draws. Error(kNumeric) at prompt.where when the logits are not numbers. Precondition: check_prompts
  // passed, and the prompt is not longer than longest_prompt.
  Generated run(const Prompt& prompt, std::uint64_t row);

 private:
  at::Tensor read_prompt(const std::vector<TokenId>& ids);
  TokenId choose(const at::Tensor& logits, const Prompt& prompt, std::uint64_t row, std::int64_t position) const;
  bool stops(TokenId id) const;

  const Decoder& model_;
  const Device& device_;
  Arena& arena_;
  std::vector<TokenId> stop_ids_;
  GenerateOptions options_;
  std::int64_t capacity_;
  KvCache cache_;
};

}  // namespace vernier

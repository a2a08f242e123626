#include "infer/generate.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "infer/row_problems.h"
#include "infer/sampler.h"

namespace vernier {

namespace {

// A long prompt goes through the model in pieces, so that its working memory does not grow with it.
constexpr std::size_t kPromptPiece = 512;

// Tokens of the longest row that will be generated.
std::int64_t row_capacity(const Decoder& model, const GenerateOptions& options, std::int64_t longest_prompt) {
  const std::int64_t limit = generation_limit(model);
  check(longest_prompt > 0 && longest_prompt < limit, "a prompt that leaves room for a token");
  check(options.max_new_tokens > 0, "a number of new tokens above 0");
  return longest_prompt + std::min(options.max_new_tokens, limit - longest_prompt);
}

void check_prompt(const Prompt& prompt, const ModelSpec& spec, std::int64_t longest_row) {
  const auto tokens = static_cast<std::int64_t>(prompt.ids.size());
  if (tokens == 0) throw Error(ErrorKind::kInput, "the prompt is empty", prompt.where);
  if (tokens >= longest_row)
    throw Error(ErrorKind::kInput,
                str("the prompt has ", tokens, " tokens, and the model reads at most ", longest_row,
                    ", the completion included"),
                prompt.where, "shorten it");
  for (const TokenId id : prompt.ids)
    if (id < 0 || id >= spec.vocab)
      throw Error(ErrorKind::kInput,
                  str("the prompt holds token id ", id, ", outside the model's vocabulary of ", spec.vocab, " ids"),
                  prompt.where, "the tokenizer does not belong to this model");
}

}  // namespace

std::int64_t generation_limit(const Decoder& model) {
  return std::min(max_row_tokens(model), model.spec.max_positions);
}

void check_prompts(std::span<const Prompt> prompts, const ModelSpec& spec, std::int64_t longest_row) {
  RowProblems problems;
  for (const Prompt& prompt : prompts) {
    try {
      check_prompt(prompt, spec, longest_row);
    } catch (const Error& problem) {
      problems.add(problem);
    }
  }
  problems.raise_if_any();
}

Generator::Generator(const Decoder& model, const Device& device, Arena& arena, std::vector<TokenId> stop_ids,
                     const GenerateOptions& options, std::int64_t longest_prompt)
    : model_(model),
      device_(device),
      arena_(arena),
      stop_ids_(std::move(stop_ids)),
      options_(options),
      capacity_(row_capacity(model, options, longest_prompt)),
      cache_(model.spec, device.compute, capacity_) {}

Generated Generator::run(const Prompt& prompt, std::uint64_t row) {
  const auto prompt_tokens = static_cast<std::int64_t>(prompt.ids.size());
  check(prompt_tokens > 0 && prompt_tokens < capacity_, "a prompt that the generator was made for");
  const std::int64_t room = generation_limit(model_) - prompt_tokens;
  const std::int64_t most = std::min(options_.max_new_tokens, room);
  Generated out;
  at::Tensor logits = read_prompt(prompt.ids);
  while (true) {
    const auto position = prompt_tokens + static_cast<std::int64_t>(out.ids.size());
    const TokenId id = choose(logits, prompt, row, position);
    if (stops(id)) {
      out.ending = Ending::kStopToken;
      return out;
    }
    out.ids.push_back(id);
    if (static_cast<std::int64_t>(out.ids.size()) == most) break;
    logits = next_logits(model_, device_, {&out.ids.back(), 1}, cache_, arena_);
  }
  out.ending = most < options_.max_new_tokens ? Ending::kModelLimit : Ending::kMaxNewTokens;
  return out;
}

// The logits after the prompt, with an empty cache filled by it.
at::Tensor Generator::read_prompt(const std::vector<TokenId>& ids) {
  cache_.length = 0;
  at::Tensor logits;
  for (std::size_t begin = 0; begin < ids.size(); begin += kPromptPiece) {
    const std::size_t tokens = std::min(kPromptPiece, ids.size() - begin);
    logits = next_logits(model_, device_, {ids.data() + begin, tokens}, cache_, arena_);
  }
  return logits;
}

TokenId Generator::choose(const at::Tensor& logits, const Prompt& prompt, std::uint64_t row,
                          std::int64_t position) const {
  const std::span<const float> values(logits.const_data_ptr<float>(), static_cast<std::size_t>(logits.numel()));
  try {
    return sample_token(values, options_.temperature, options_.seed, row, static_cast<std::uint64_t>(position));
  } catch (const Error& problem) {
    throw Error(problem.kind(), str(problem.what(), " at position ", position), prompt.where,
                "the weights or the adapter are damaged, or bf16 is too narrow for them: try --bf16 false");
  }
}

bool Generator::stops(TokenId id) const {
  return std::find(stop_ids_.begin(), stop_ids_.end(), id) != stop_ids_.end();
}

}  // namespace vernier

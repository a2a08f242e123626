#include "infer/complete.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/text.h"
#include "infer/prompt_rows.h"

namespace vernier {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string speed(const Completions& done) {
  return str(std::lround(static_cast<double>(done.tokens) / std::max(done.seconds, 1e-9)), " tokens/s");
}

void report_row(const Completions& done, std::size_t rows, const Log& log) {
  constexpr std::size_t kRowsBetweenLines = 10;
  const std::string line = str(done.texts.size(), "/", count_of(rows, "row"), ", ", speed(done));
  if (log.is_terminal())
    log.live(line);
  else if (done.texts.size() % kRowsBetweenLines == 0 && done.texts.size() < rows)
    log.info(line);
}

void report_end(const Completions& done, const GenerateOptions& options, const Log& log) {
  log.info(str(count_of(done.texts.size(), "row"), ", ", count_of(done.tokens, "token"), " in ",
               format_duration(done.seconds), ", ", speed(done)));
  if (done.cut_at_max_new_tokens > 0)
    log.warning(str(done.cut_at_max_new_tokens, " of ", done.texts.size(), " completions were cut off at ",
                    options.max_new_tokens, " new tokens"));
  if (done.cut_at_model_limit > 0)
    log.warning(str(done.cut_at_model_limit, " of ", done.texts.size(),
                    " completions were cut off at the longest row that the model reads"));
}

}  // namespace

Completions complete_prompts(const Decoder& model, const Device& device, Arena& arena, const Tokenizer& tokenizer,
                             std::span<const Prompt> prompts, const std::vector<TokenId>& stop_ids,
                             const GenerateOptions& options, const Log& log) {
  check_prompts(prompts, model.spec, generation_limit(model));
  Completions done;
  if (prompts.empty()) return done;

  std::size_t longest = 0;
  for (const Prompt& prompt : prompts) longest = std::max(longest, prompt.ids.size());
  Generator generator(model, device, arena, stop_ids, options, static_cast<std::int64_t>(longest));
  const auto start = std::chrono::steady_clock::now();
  for (const Prompt& prompt : prompts) {
    const Generated generated = generator.run(prompt, done.texts.size());
    done.texts.push_back(completion_text(prompt, generated.ids, tokenizer));
    done.tokens += static_cast<std::int64_t>(generated.ids.size());
    done.cut_at_max_new_tokens += generated.ending == Ending::kMaxNewTokens ? 1 : 0;
    done.cut_at_model_limit += generated.ending == Ending::kModelLimit ? 1 : 0;
    done.seconds = seconds_since(start);
    report_row(done, prompts.size(), log);
  }
  report_end(done, options, log);
  return done;
}

}  // namespace vernier

// Generation with the cache against the argmax of all logits, computed anew for every token; stops, limits and draws.

#include "infer/generate.h"

#include <algorithm>
#include <limits>

#include "infer_fixture.h"

namespace vernier::testing {
namespace {

std::vector<TokenId> golden_row(const std::string& arch, std::size_t tokens) {
  const SafetensorsFile file(golden("arch/" + arch + "/golden.safetensors"));
  const at::Tensor ids = tensor(file, "input_ids");
  const auto* data = static_cast<const std::int32_t*>(ids.data_ptr());
  std::vector<TokenId> row;
  for (std::size_t i = 0; i < tokens; ++i) row.push_back(data[i % static_cast<std::size_t>(ids.numel())]);
  return row;
}

// The obvious version: every logit of the whole row, for each new token.
std::vector<TokenId> continue_by_all_logits(TinyModel& tiny, std::vector<TokenId> ids, std::size_t new_tokens) {
  const std::size_t prompt_tokens = ids.size();
  while (ids.size() < prompt_tokens + new_tokens) {
    Rows rows;
    rows.add(ids.data(), ids.data(), static_cast<std::int64_t>(ids.size()));
    const at::Tensor logits = all_logits(tiny.model, tiny.device, rows.batch(), tiny.arena);
    const float* last = logits.const_data_ptr<float>() + (logits.size(0) - 1) * logits.size(1);
    ids.push_back(static_cast<TokenId>(std::max_element(last, last + logits.size(1)) - last));
  }
  return {ids.begin() + static_cast<std::ptrdiff_t>(prompt_tokens), ids.end()};
}

Generated run(TinyModel& tiny, const std::vector<TokenId>& prompt, const GenerateOptions& options,
              std::vector<TokenId> stops = {}, std::uint64_t row = 0) {
  Generator generator(tiny.model, tiny.device, tiny.arena, std::move(stops), options,
                      static_cast<std::int64_t>(prompt.size()));
  return generator.run({prompt, false, "test"}, row);
}

class GenerateGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(GenerateGolden, GreedyEqualsTheArgmaxOfAllLogits) {
  TinyModel tiny(GetParam());
  for (const std::size_t prompt_tokens : {1u, 7u, 24u}) {
    const std::vector<TokenId> prompt = golden_row(GetParam(), prompt_tokens);
    const Generated generated = run(tiny, prompt, {20, 0, 1});
    EXPECT_EQ(generated.ids, continue_by_all_logits(tiny, prompt, 20)) << prompt_tokens;
    EXPECT_EQ(generated.ending, Ending::kMaxNewTokens);
  }
}

TEST_P(GenerateGolden, GreedyOnAnNf4BaseEqualsTheArgmaxOfAllLogits) {
  TinyModel tiny(GetParam(), 64, true);
  const std::vector<TokenId> prompt = golden_row(GetParam(), 9);
  EXPECT_EQ(run(tiny, prompt, {20, 0, 1}).ids, continue_by_all_logits(tiny, prompt, 20));
}

TEST_P(GenerateGolden, ACacheServesOnePromptAfterAnother) {
  TinyModel tiny(GetParam());
  const std::vector<TokenId> longer = golden_row(GetParam(), 24), shorter = golden_row(GetParam(), 5);
  Generator generator(tiny.model, tiny.device, tiny.arena, {}, {12, 0, 1}, 24);
  for (const auto& prompt : {longer, shorter, longer})
    EXPECT_EQ(generator.run({prompt, false, "test"}, 0).ids, continue_by_all_logits(tiny, prompt, 12));
}

INSTANTIATE_TEST_SUITE_P(Tiny, GenerateGolden, ::testing::Values("llama", "qwen3"));

TEST(Generate, ALongPromptIsReadInPieces) {
  TinyModel tiny("llama", 600);
  const std::vector<TokenId> prompt = golden_row("llama", 530);
  EXPECT_EQ(run(tiny, prompt, {3, 0, 1}).ids, continue_by_all_logits(tiny, prompt, 3));
}

TEST(Generate, StopsBeforeAStopToken) {
  TinyModel tiny("llama");
  const std::vector<TokenId> prompt = golden_row("llama", 8);
  const std::vector<TokenId> whole = run(tiny, prompt, {20, 0, 1}).ids;
  for (const std::size_t place : {0u, 4u, 19u}) {
    const auto first = std::find(whole.begin(), whole.end(), whole[place]);
    const Generated stopped = run(tiny, prompt, {20, 0, 1}, {255, whole[place]});
    EXPECT_EQ(stopped.ids, std::vector<TokenId>(whole.begin(), first));
    EXPECT_EQ(stopped.ending, Ending::kStopToken);
  }
}

TEST(Generate, EndsAtTheModelsLimit) {
  TinyModel tiny("llama");
  const std::vector<TokenId> prompt = golden_row("llama", 60);
  const Generated generated = run(tiny, prompt, {256, 0, 1});
  EXPECT_EQ(generated.ids, continue_by_all_logits(tiny, prompt, 4));
  EXPECT_EQ(generated.ending, Ending::kModelLimit);
  EXPECT_EQ(run(tiny, golden_row("llama", 63), {256, 0, 1}).ids.size(), 1u);
  EXPECT_EQ(run(tiny, prompt, {4, 0, 1}).ending, Ending::kMaxNewTokens);
}

TEST(Generate, DrawsDependOnSeedAndRowAlone) {
  TinyModel tiny("llama");
  const std::vector<TokenId> prompt = golden_row("llama", 8);
  const GenerateOptions options{12, 4, 11};
  Generator generator(tiny.model, tiny.device, tiny.arena, {}, options, 8);
  const auto draw = [&](std::uint64_t row) { return generator.run({prompt, false, "test"}, row).ids; };
  const auto first = draw(0), second = draw(1);
  EXPECT_NE(first, second);
  EXPECT_EQ(draw(1), second);
  EXPECT_EQ(draw(0), first);
  EXPECT_NE(run(tiny, prompt, {12, 4, 12}).ids, first);
  EXPECT_EQ(run(tiny, prompt, options, {}, 1).ids, second);
}

TEST(Generate, PromptsThatCannotBeReadAreErrors) {
  TinyModel tiny("llama");
  const auto refused = [&](std::vector<TokenId> ids) {
    const std::vector<Prompt> prompts = {{{1}, false, "rows.jsonl:56"}, {std::move(ids), false, "rows.jsonl:57"}};
    const Error error = error_of([&] { check_prompts(prompts, tiny.model.spec, generation_limit(tiny.model)); });
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_EQ(error.where(), "rows.jsonl:57");
    return std::string(error.what());
  };
  EXPECT_NE(refused({}).find("empty"), std::string::npos);
  EXPECT_NE(refused(std::vector<TokenId>(64, 5)).find("64 tokens"), std::string::npos);
  EXPECT_NE(refused({1, 256}).find("id 256"), std::string::npos);
  EXPECT_NE(refused({1, -1}).find("id -1"), std::string::npos);
  const std::vector<Prompt> longest = {{std::vector<TokenId>(63, 255), false, "rows.jsonl:57"}};
  check_prompts(longest, tiny.model.spec, generation_limit(tiny.model));
}

TEST(Generate, DamagedWeightsNameTheRow) {
  TinyModel tiny("llama");
  tiny.model.head.norm.fill_(std::numeric_limits<float>::quiet_NaN());
  const Error error = error_of([&] { run(tiny, {1, 2, 3}, {4, 0, 1}); });
  EXPECT_EQ(error.kind(), ErrorKind::kNumeric);
  EXPECT_EQ(error.where(), "test");
}

}  // namespace
}  // namespace vernier::testing

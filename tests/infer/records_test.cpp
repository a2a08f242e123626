// Many prompts at once and the score of generated records, with a model made to write what the test wants.

#include "infer/complete.h"
#include "infer/evaluate_records.h"
#include "infer/prompt_rows.h"
#include "infer_fixture.h"

namespace vernier::testing {
namespace {

class Records : public ::testing::Test {
 protected:
  Records()
      : tiny_("llama"), chat_("{% for message in messages %}{{ message['content'] }}{% endfor %}", "t", tokenizer_) {}

  ChatRecord record(const std::string& question, const std::string& answer, const std::string& where) const {
    Json messages = Json::array();
    messages.push_back({{"role", "user"}, {"content", question}});
    messages.push_back({{"role", "assistant"}, {"content", answer}});
    return {messages, nullptr, where};
  }
  RecordScore score(const std::vector<ChatRecord>& rows, const std::vector<TokenId>& stops = {}) {
    const std::vector<Prompt> prompts = record_prompts(rows, chat_, tokenizer_);
    return score_records(tiny_.model, tiny_.device, tiny_.arena, tokenizer_, rows, prompts, stops, {8, 0, 1}, silent());
  }
  AsciiTokenizer tokenizer_;
  TinyModel tiny_;
  ChatTemplate chat_;
};

TEST_F(Records, CompletionsOfManyPromptsAreThoseOfEach) {
  std::vector<Prompt> prompts;
  for (const char* text : {"one", "a longer prompt than the others", "x"})
    prompts.push_back(raw_prompt(text, tokenizer_, text));
  const GenerateOptions options{10, 2, 5};
  const Completions all =
      complete_prompts(tiny_.model, tiny_.device, tiny_.arena, tokenizer_, prompts, {}, options, silent());
  ASSERT_EQ(all.texts.size(), 3u);
  EXPECT_EQ(all.tokens, 30);
  EXPECT_EQ(all.cut_at_max_new_tokens, 3);
  EXPECT_EQ(all.cut_at_model_limit, 0);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    Generator alone(tiny_.model, tiny_.device, tiny_.arena, {}, options,
                    static_cast<std::int64_t>(prompts[i].ids.size()));
    EXPECT_EQ(all.texts[i], completion_text(prompts[i], alone.run(prompts[i], i).ids, tokenizer_)) << i;
  }
}

TEST_F(Records, EveryBadPromptIsNamedBeforeTheFirstIsCompleted) {
  std::vector<Prompt> prompts;
  for (int row = 0; row < 30; ++row)
    prompts.push_back(raw_prompt(row % 2 == 0 ? "ok" : std::string(70, 'x'), tokenizer_, "f:" + std::to_string(row)));
  const std::string message =
      error_of([&] {
        complete_prompts(tiny_.model, tiny_.device, tiny_.arena, tokenizer_, prompts, {}, {4, 0, 1}, silent());
      }).message();
  for (int row = 0; row < 30; ++row)
    EXPECT_EQ(message.find("f:" + std::to_string(row) + ":") != std::string::npos, row % 2 == 1) << message;
}

TEST_F(Records, NoPromptsAreNoCompletions) {
  EXPECT_TRUE(
      complete_prompts(tiny_.model, tiny_.device, tiny_.arena, tokenizer_, {}, {}, {4, 0, 1}, silent()).texts.empty());
}

// The model answers "Q" with [1,2] and "S" with 3.
TEST_F(Records, ScoreCountsTheExactOnes) {
  constexpr TokenId kEnd = AsciiTokenizer::kImEnd;
  make_chain(tiny_.model,
             {{'Q', '['}, {'[', '1'}, {'1', ','}, {',', '2'}, {'2', ']'}, {']', kEnd}, {'S', '3'}, {'3', kEnd}});
  const RecordScore result = score({record("the Q", "[1, 2]", "f:1"), record("Q", "[2, 1]", "f:2"),
                                    record("S", "3.0", "f:3"), record("SQ", "[1,2]", "f:4"), record("QS", "4", "f:5")},
                                   {kEnd});
  EXPECT_EQ(result.completions.texts, (std::vector<std::string>{"[1,2]", "[1,2]", "3", "[1,2]", "3"}));
  EXPECT_EQ(result.exact, (std::vector<bool>{true, false, true, true, false}));
  EXPECT_EQ(result.sums.exact, 3);
  EXPECT_EQ(result.sums.rows, 5);
  EXPECT_EQ(result.completions.tokens, 17);
  EXPECT_EQ(result.completions.cut_at_max_new_tokens, 0);
}

// A record that goes on behind its end is not exact, nor one that was cut off.
TEST_F(Records, ARecordThatDoesNotEndIsNotExact) {
  make_chain(tiny_.model, {{'Q', '7'}, {'7', '7'}, {'R', '{'}, {'{', '}'}, {'}', 'R'}});
  const RecordScore result = score({record("Q", "7", "f:1"), record("R", "{}", "f:2")}, {0});
  EXPECT_EQ(result.completions.texts, (std::vector<std::string>{"77777777", "{}R{}R{}"}));
  EXPECT_EQ(result.sums.exact, 0);
  EXPECT_EQ(result.completions.cut_at_max_new_tokens, 2);
}

TEST_F(Records, RowsWithoutAnExpectedRecordAreNamed) {
  ChatRecord no_answer = record("q", "{}", "f:3");
  no_answer.messages.erase(1);
  const std::string message = error_of([&] {
                                score({record("q", "{}", "f:1"), record("q", "plain text", "f:2"), no_answer});
                              }).message();
  EXPECT_EQ(message.find("f:1:"), std::string::npos) << message;
  EXPECT_NE(message.find("f:2: "), std::string::npos) << message;
  EXPECT_NE(message.find("f:3: "), std::string::npos) << message;
}

}  // namespace
}  // namespace vernier::testing

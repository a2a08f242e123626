// Rows and texts to prompts, ids to completions, and the stop tokens of a model.

#include "infer/prompt_rows.h"

#include "data/chat_template.h"
#include "infer/stop_tokens.h"
#include "infer_fixture.h"

namespace vernier::testing {
namespace {

class PromptRows : public ::testing::Test {
 protected:
  std::vector<PromptRow> read(const std::string& lines) { return read_prompt_rows(folder_.write("rows.jsonl", lines)); }
  std::string text(const Prompt& prompt) const { return tokenizer_.decode(prompt.ids, false); }

  Folder folder_;
  AsciiTokenizer tokenizer_;
  ChatTemplate chatml_ = load_chat_template("chatml", tokenizer_);
};

TEST_F(PromptRows, APromptIsOneUserTurn) {
  const auto rows = read("{\"prompt\": \"Hi\", \"id\": 3}\n\n{\"prompt\": \"\"}\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[1].where.ends_with("rows.jsonl:3"));
  EXPECT_EQ(text(row_prompt(rows[0], &chatml_, tokenizer_)), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(text(row_prompt(rows[1], &chatml_, tokenizer_)), "<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(PromptRows, ATrailingAnswerIsNotRead) {
  const auto rows = read(
      R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}, {"role": "assistant", "content": "A"}]})"
      "\n"
      R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]})");
  const std::string expected =
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_EQ(text(row_prompt(rows[0], &chatml_, tokenizer_)), expected);
  EXPECT_EQ(text(row_prompt(rows[1], &chatml_, tokenizer_)), expected);
  EXPECT_EQ(rows[0].row["messages"].size(), 3u);
}

TEST_F(PromptRows, EarlierAnswersStay) {
  const auto rows = read(
      R"({"messages": [{"role": "user", "content": "U"}, {"role": "assistant", "content": "A"}, {"role": "user", "content": "V"}]})");
  EXPECT_EQ(text(row_prompt(rows[0], &chatml_, tokenizer_)),
            "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nV<|im_end|>\n"
            "<|im_start|>assistant\n");
}

TEST_F(PromptRows, RawTextStandsBehindBosWhereTheTokenizerAddsOne) {
  const auto rows = read("{\"prompt\": \"Hi\"}");
  EXPECT_EQ(text(row_prompt(rows[0], nullptr, tokenizer_)), "Hi");
  EXPECT_EQ(text(row_prompt(rows[0], nullptr, AsciiTokenizer(true))), "<s>Hi");
  EXPECT_EQ(text(raw_prompt("<s>Hi", AsciiTokenizer(true), "x")), "<s>Hi");
  EXPECT_EQ(text(raw_prompt("", AsciiTokenizer(true), "x")), "<s>");
}

TEST_F(PromptRows, BadRowsAreNamedAllAtOnce) {
  const std::string message = error_of([&] {
                                read(
                                    "{\"prompt\": \"a\"}\n"
                                    "{\"prompt\": 5}\n"
                                    "{\"prompt\": \"a\", \"messages\": []}\n"
                                    "{\"text\": \"a\"}\n"
                                    "{\"messages\": \"a\"}\n"
                                    "{\"prompt\": \"a\"\n"
                                    "[1]\n");
                              }).message();
  for (int line = 2; line <= 7; ++line)
    EXPECT_NE(message.find("rows.jsonl:" + std::to_string(line)), std::string::npos) << message;
  EXPECT_EQ(message.find("rows.jsonl:1:"), std::string::npos) << message;
  EXPECT_NE(message.find("has the keys text"), std::string::npos) << message;
}

TEST_F(PromptRows, RowsWithoutAQuestionAreErrors) {
  const auto rows = read(
      "{\"messages\": []}\n{\"messages\": [{\"role\": \"assistant\", \"content\": \"A\"}]}\n"
      "{\"messages\": [{\"role\": \"user\"}]}\n");
  const std::string message = error_of([&] { row_prompts(rows, &chatml_, tokenizer_); }).message();
  for (int line = 1; line <= 3; ++line)
    EXPECT_NE(message.find("rows.jsonl:" + std::to_string(line)), std::string::npos) << message;
}

TEST_F(PromptRows, AConversationNeedsATemplate) {
  const auto rows = read(R"({"messages": [{"role": "user", "content": "U"}]})");
  const Error error = error_of([&] { row_prompt(rows[0], nullptr, tokenizer_); });
  EXPECT_TRUE(error.where().ends_with("rows.jsonl:1"));
  EXPECT_NE(error.fix().find("--raw"), std::string::npos);
}

TEST_F(PromptRows, FilesWithoutRows) {
  EXPECT_TRUE(error_of([&] { read("\n\n"); }).where().ends_with("rows.jsonl"));
  EXPECT_TRUE(error_of([&] { read_prompt_rows(folder_.path("none.jsonl")); }).message().find("none.jsonl") !=
              std::string::npos);
  EXPECT_EQ(error_of([&] { read_prompt_rows(folder_.write("a.txt", "text\n")); }).kind(), ErrorKind::kInput);
}

TEST_F(PromptRows, ARawCompletionKeepsItsLeadingSpace) {
  const std::vector<TokenId> ids = tokenizer_.encode(" world<|im_end|>!");
  EXPECT_EQ(completion_text(raw_prompt("Hello", tokenizer_, "x"), ids, tokenizer_), " world!");
  EXPECT_EQ(completion_text(text_prompt("Hello", &chatml_, tokenizer_, "x"), ids, tokenizer_), "world!");
}

// A copy of a tiny model's directory with a generation_config.json of its own.
ModelDir model_with(const Folder& folder, const std::string& generation_config) {
  for (const char* name : {"config.json", "model.safetensors"})
    std::filesystem::copy_file(golden("arch/llama/") + name, folder.path(name),
                               std::filesystem::copy_options::overwrite_existing);
  std::filesystem::remove(folder.path("generation_config.json"));
  if (!generation_config.empty()) folder.write("generation_config.json", generation_config);
  return ModelDir(folder.path(""));
}

TEST_F(PromptRows, StopTokensOfEverySource) {
  const auto stops = [&](const std::string& generation_config, const ChatTemplate* chat_template) {
    const ModelDir base = model_with(folder_, generation_config);
    return stop_tokens(parse_model_spec(base.config(), "config.json"), base, tokenizer_, chat_template);
  };
  using Ids = std::vector<TokenId>;
  EXPECT_EQ(stops("", nullptr), (Ids{2, AsciiTokenizer::kEos}));
  EXPECT_EQ(stops("{\"eos_token_id\": 7}", nullptr), (Ids{2, 7, AsciiTokenizer::kEos}));
  EXPECT_EQ(stops("{\"eos_token_id\": [9, 2, 7]}", nullptr), (Ids{2, 7, 9, AsciiTokenizer::kEos}));
  EXPECT_EQ(stops("{\"eos_token_id\": null}", nullptr), (Ids{2, AsciiTokenizer::kEos}));
  EXPECT_EQ(stops("{}", &chatml_), (Ids{2, AsciiTokenizer::kEos, AsciiTokenizer::kImEnd}));
  for (const char* broken :
       {"{\"eos_token_id\": \"x\"}", "{\"eos_token_id\": [1, -2]}", "{\"eos_token_id\": 1e30}", "[]"})
    EXPECT_NE(error_of([&] { stops(broken, nullptr); }).where().find("generation_config.json"), std::string::npos)
        << broken;
}

TEST_F(PromptRows, ATemplateWithoutAnEndOfTurnTokenAddsNoStop) {
  const ChatTemplate plain(
      "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}"
      "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
      "plain", tokenizer_);
  EXPECT_TRUE(end_of_turn_stops(plain, tokenizer_).empty());
  const ChatTemplate refusing("{{ raise_exception('never') }}", "refusing", tokenizer_);
  EXPECT_TRUE(end_of_turn_stops(refusing, tokenizer_).empty());
}

}  // namespace
}  // namespace vernier::testing

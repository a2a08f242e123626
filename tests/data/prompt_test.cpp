#include "data/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/dataset_fixture.h"
#include "data/rows_tokenized.h"
#include "support/skips.h"

namespace vernier {
namespace {

using testing::HasSubstr;

constexpr TokenId kBos = ByteTokenizer::kBos, kEos = ByteTokenizer::kEos;

// What is trained on, as text.
std::string trained_text(const Row& row, const ByteTokenizer& tokenizer) {
  std::vector<TokenId> trained;
  for (const std::int32_t label : row.labels)
    if (label != kNoTarget) trained.push_back(label);
  return tokenizer.decode(trained, false);
}

std::string whole_text(const Row& row, const ByteTokenizer& tokenizer) {
  return tokenizer.decode(row.input_ids, false);
}

TEST(Completion, PutsBosAndEosAround) {
  const Row row = completion_row("ab", ByteTokenizer());
  EXPECT_EQ(row.input_ids, (std::vector<TokenId>{kBos, 'a', 'b', kEos}));
  EXPECT_EQ(row.labels, row.input_ids);
  EXPECT_EQ(row.targets(), 3);
}

TEST(Completion, WithoutAddBosOnlyEos) {
  EXPECT_EQ(completion_row("ab", ByteTokenizer(false)).input_ids, (std::vector<TokenId>{'a', 'b', kEos}));
  EXPECT_EQ(completion_row("<s>ab", ByteTokenizer(false)).input_ids, (std::vector<TokenId>{kBos, 'a', 'b', kEos}));
}

TEST(Completion, NeverDoublesWhatTheTextSpells) {
  const ByteTokenizer tokenizer;
  EXPECT_EQ(completion_row("<s>ab", tokenizer).input_ids, (std::vector<TokenId>{kBos, 'a', 'b', kEos}));
  EXPECT_EQ(completion_row("ab</s>", tokenizer).input_ids, (std::vector<TokenId>{kBos, 'a', 'b', kEos}));
  EXPECT_EQ(completion_row("", tokenizer).input_ids, (std::vector<TokenId>{kBos, kEos}));
}

TEST(Completion, OneTokenThatBeginsAndEnds) {
  ByteTokenizer tokenizer;
  tokenizer.special_.bos = tokenizer.special_.eos = kEos;
  EXPECT_EQ(completion_row("", tokenizer).input_ids, (std::vector<TokenId>{kEos, kEos}));
  EXPECT_EQ(completion_row("</s>", tokenizer).input_ids, (std::vector<TokenId>{kEos, kEos}));
  EXPECT_EQ(completion_row("a", tokenizer).input_ids, (std::vector<TokenId>{kEos, 'a', kEos}));
}

TEST(Completion, NeedsTheTokensItEndsAndBeginsWith) {
  ByteTokenizer tokenizer;
  tokenizer.special_.eos.reset();
  EXPECT_THAT(error_of([&] { completion_row("a", tokenizer); }), HasSubstr("no EOS token"));
  tokenizer.special_.eos = kEos;
  tokenizer.special_.bos.reset();
  EXPECT_THAT(error_of([&] { completion_row("a", tokenizer); }), HasSubstr("BOS token and names none"));
}

TEST(Alpaca, PromptWording) {
  EXPECT_EQ(alpaca_prompt("Add.", ""),
            "Below is an instruction that describes a task. Write a response that appropriately completes the "
            "request.\n\n### Instruction:\nAdd.\n\n### Response:\n");
  EXPECT_EQ(alpaca_prompt("Add.", "1 2"),
            "Below is an instruction that describes a task, paired with an input that provides further context. Write "
            "a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### "
            "Response:\n");
}

// The data set's own `text` field holds prompt and response as its authors put them together.
TEST(Alpaca, PromptIsThatOfTheDataSet) {
  SKIP_WITHOUT_SHARED("datasets/alpaca");
  int with_input = 0;
  const Json rows = read_json_file(shared_path("datasets/alpaca/alpaca_tiny_torchtune.json"));
  for (const Json& row : rows) {
    const auto text = row["text"].get<std::string>();
    const auto input = row["input"].get<std::string>();
    with_input += !input.empty();
    EXPECT_EQ(alpaca_prompt(row["instruction"].get<std::string>(), input) + row["output"].get<std::string>(), text);
  }
  EXPECT_GT(with_input, 10);
}

TEST(Alpaca, TrainsTheResponseAndItsEnd) {
  const ByteTokenizer tokenizer;
  const Json record = {{"instruction", "Add."}, {"input", "1 2"}, {"output", "3"}};
  const Row row = alpaca_row(record, tokenizer, false);
  EXPECT_EQ(whole_text(row, tokenizer), "<s>" + alpaca_prompt("Add.", "1 2") + "3</s>");
  EXPECT_EQ(trained_text(row, tokenizer), "3</s>");
  EXPECT_EQ(row.targets(), 2);
  EXPECT_EQ(row.labels.size(), row.input_ids.size());
}

TEST(Alpaca, TrainOnInputsTrainsAll) {
  const ByteTokenizer tokenizer(false);
  const Row row = alpaca_row({{"instruction", "Hi"}, {"output", "Yo"}}, tokenizer, true);
  EXPECT_EQ(trained_text(row, tokenizer), alpaca_prompt("Hi", "") + "Yo</s>");
  EXPECT_EQ(row.labels, row.input_ids);
}

TEST(Alpaca, InputMayBeMissingNullOrEmpty) {
  const ByteTokenizer tokenizer;
  const Row missing = alpaca_row({{"instruction", "Hi"}, {"output", "Yo"}}, tokenizer, false);
  EXPECT_EQ(alpaca_row({{"instruction", "Hi"}, {"input", nullptr}, {"output", "Yo"}}, tokenizer, false).input_ids,
            missing.input_ids);
  EXPECT_EQ(alpaca_row({{"instruction", "Hi"}, {"input", ""}, {"output", "Yo"}}, tokenizer, false).input_ids,
            missing.input_ids);
}

TEST(Alpaca, EmptyResponseStillEnds) {
  const ByteTokenizer tokenizer;
  EXPECT_EQ(trained_text(alpaca_row({{"instruction", "Hi"}, {"output", ""}}, tokenizer, false), tokenizer), "</s>");
}

TEST(Alpaca, MissingKeysAreListed) {
  const ByteTokenizer tokenizer;
  EXPECT_THAT(error_of([&] {
                alpaca_row({{"prompt", "Hi"}, {"output", "Yo"}}, tokenizer, false);
              }),
              testing::AllOf(HasSubstr("no \"instruction\""), HasSubstr("prompt, output"), HasSubstr("expected: {")));
  EXPECT_THAT(error_of([&] {
                alpaca_row({{"instruction", "Hi"}, {"response", "Yo"}}, tokenizer, false);
              }),
              HasSubstr("no \"output\""));
  EXPECT_THAT(error_of([&] {
                alpaca_row({{"instruction", 7}, {"output", "Yo"}}, tokenizer, false);
              }),
              HasSubstr("\"instruction\" is of the JSON type number"));
  EXPECT_THAT(error_of([&] {
                alpaca_row({{"instruction", "a"}, {"input", Json::array()}, {"output", "Yo"}}, tokenizer, false);
              }),
              HasSubstr("\"input\" is of the JSON type array"));
}

TEST(Tokenized, LabelsAsGivenOrAllIds) {
  const Row row = tokenized_row(Json::parse(R"({"input_ids": [1, 2, 3], "labels": [-100, -100, 3]})"));
  EXPECT_EQ(row.input_ids, (std::vector<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(row.labels, (std::vector<std::int32_t>{-100, -100, 3}));
  EXPECT_EQ(tokenized_row(Json::parse(R"({"input_ids": [1, 2]})")).labels, (std::vector<std::int32_t>{1, 2}));
  EXPECT_TRUE(tokenized_row(Json::parse(R"({"input_ids": [], "labels": []})")).input_ids.empty());
}

TEST(Tokenized, MaskOfOnesIsFineAndPaddingIsNot) {
  EXPECT_EQ(tokenized_row(Json::parse(R"({"input_ids": [1, 2], "attention_mask": [1, 1]})")).input_ids.size(), 2u);
  for (const char* mask : {"[1, 0]", "[1]", "[2, 1]"})
    EXPECT_THAT(error_of([&] {
                  tokenized_row(Json::parse(std::string(R"({"input_ids": [1, 2], "attention_mask": )") + mask + "}"));
                }),
                HasSubstr("attention_mask"));
}

TEST(Tokenized, BadRowsSayWhatIsWrong) {
  const auto message = [](const char* text) { return error_of([&] { tokenized_row(Json::parse(text)); }); };
  EXPECT_THAT(message(R"({"ids": [1]})"), testing::AllOf(HasSubstr("no \"input_ids\""), HasSubstr("keys ids")));
  EXPECT_THAT(message(R"({"input_ids": "1 2"})"), HasSubstr("\"input_ids\" is of the JSON type string"));
  EXPECT_THAT(message(R"({"input_ids": [1, 2.0]})"), HasSubstr("input_ids[1] is not a 32-bit integer"));
  EXPECT_THAT(message(R"({"input_ids": [1, true]})"), HasSubstr("input_ids[1]"));
  EXPECT_THAT(message(R"({"input_ids": [[1, 2]]})"), HasSubstr("input_ids[0]"));
  EXPECT_THAT(message(R"({"input_ids": [4294967297]})"), HasSubstr("input_ids[0]"));
  EXPECT_THAT(message(R"({"input_ids": [18446744073709551615]})"), HasSubstr("input_ids[0]"));
  EXPECT_THAT(message(R"({"input_ids": [-9223372036854775808]})"), HasSubstr("input_ids[0]"));
  EXPECT_THAT(message(R"({"input_ids": [1, 2], "labels": [1]})"),
              HasSubstr("input_ids has 2 elements and labels has 1"));
  EXPECT_THAT(message(R"({"input_ids": [1, 2], "labels": null})"), HasSubstr("\"labels\" is of the JSON type null"));
  EXPECT_THAT(message(R"({"input_ids": [1, 2], "label": [1, 2]})"), HasSubstr("but \"label\""));
}

}  // namespace
}  // namespace vernier

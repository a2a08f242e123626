// The fast reader of tokenized rows against the general one: what it reads is the same row, and what it leaves is left
// to the general one.

#include "data/rows_tokenized.h"

#include <gtest/gtest.h>

#include <random>

namespace vernier {
namespace {

constexpr const char* kPlain[] = {
    R"({"input_ids":[1,22,333],"labels":[-100,22,333]})",
    R"( { "input_ids" : [ 0 , 999999999 ] , "labels" : [ -1, 7 ] } )",
    R"({"input_ids": [5, 6, 7]})",
    R"({"input_ids": [], "labels": []})",
    R"({"input_ids": [-0, 12], "labels": [-0, -12]})",
};

void expect_same(const Row& row, const std::string& text) {
  const Row expected = tokenized_row(Json::parse(text));
  EXPECT_EQ(row.input_ids, expected.input_ids) << text;
  EXPECT_EQ(row.labels, expected.labels) << text;
}

TEST(PlainTokenizedRow, IsTheRowOfTheGeneralReader) {
  for (const char* text : kPlain) {
    const auto row = plain_tokenized_row(text);
    ASSERT_TRUE(row) << text;
    expect_same(*row, text);
  }
}

TEST(PlainTokenizedRow, LeavesEveryOtherForm) {
  for (const char* text :
       {"", "{}", "[]", R"({"input_ids":[1],"labels":[1,2]})", R"({"labels":[1],"input_ids":[1]})",
        R"({"input_ids":[1],"input_ids":[2]})", R"({"input_ids":[01]})", R"({"input_ids":[1.5]})",
        R"({"input_ids":[1e3]})", R"({"input_ids":[1234567890]})", R"({"input_ids":[1,]})", R"({"input_ids":[-]})",
        R"({"input_ids":[1 2]})", R"({"input_ids":[1]}x)", R"({"input_ids":[1])", R"({"input_ids":[true]})",
        R"({"input_ids":[1],"attention_mask":[1]})", R"({"input_ids":[1],"labels":null})"})
    EXPECT_FALSE(plain_tokenized_row(text)) << text;
}

TEST(PlainTokenizedRow, ChangedBytesNeverGiveAnotherRow) {
  std::mt19937 random(11);
  constexpr std::string_view kBytes = "0123456789-+.eE[]{},:\" \t\n\r\\alb\0\x80";
  int read = 0;
  for (int trial = 0; trial < 200'000; ++trial) {
    std::string text = kPlain[random() % std::size(kPlain)];
    for (auto change = random() % 3; change > 0; --change) {
      const std::size_t at = random() % text.size();
      const char byte = kBytes[random() % kBytes.size()];
      if (random() % 2 == 0) {
        text[at] = byte;
      } else if (random() % 2 == 0) {
        text.insert(at, 1, byte);
      } else {
        text.erase(at, 1);
      }
    }
    if (const auto row = plain_tokenized_row(text)) {
      ++read;
      expect_same(*row, text);
    }
  }
  EXPECT_GT(read, 50'000);
}

}  // namespace
}  // namespace vernier

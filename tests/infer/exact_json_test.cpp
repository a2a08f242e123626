// When two JSON texts are the same record, and when a text is no JSON.

#include "infer/exact_json.h"

#include <gtest/gtest.h>

#include <string>

namespace vernier {
namespace {

TEST(ExactJson, EqualAsValues) {
  const std::pair<const char*, const char*> same[] = {
      {R"({"a":1,"b":"x"})", R"({"b": "x", "a": 1})"},
      {" \n{\"a\": [1, 2]}\t\n", R"({"a":[1,2]})"},
      {R"({"v": 1.0})", R"({"v": 1})"},
      {R"({"v": 1e2})", R"({"v": 100})"},
      {R"({"v": 71.50})", R"({"v": 71.5})"},
      {R"({"v": -3})", R"({"v": -3.0})"},
      {R"({"v": -0})", R"({"v": 0})"},
      {R"({"v": 18446744073709551615})", R"({"v": 18446744073709551615})"},
      {R"({"s": "\u00e9\n"})", "{\"s\": \"\xC3\xA9\\n\"}"},
      {R"({"o": {"x": {"b": null, "a": true}}})", R"({"o": {"x": {"a": true, "b": null}}})"},
      {"[]", "[ ]"},
      {"\"text\"", "\"text\""},
  };
  for (const auto& [completion, expected] : same) {
    EXPECT_TRUE(same_json(completion, expected)) << completion << " and " << expected;
    EXPECT_TRUE(same_json(expected, completion)) << expected << " and " << completion;
  }
}

TEST(ExactJson, DifferentValues) {
  const std::pair<const char*, const char*> different[] = {
      {R"({"a": 1})", R"({"a": 2})"},
      {R"({"a": 1})", R"({"a": "1"})"},
      {R"({"a": 1})", R"({"a": true})"},
      {R"({"a": 0})", R"({"a": null})"},
      {R"({"a": 0})", R"({"a": false})"},
      {R"({"a": 1})", R"({"b": 1})"},
      {R"({"a": 1})", R"({"a": 1, "b": 1})"},
      {R"({"a": 1, "c": 1})", R"({"a": 1, "b": 1})"},
      {R"({"a": "x"})", R"({"a": "X"})"},
      {R"({"a": "x"})", R"({"a": "x "})"},
      {R"({"a": null})", R"({})"},
      {"[1, 2]", "[2, 1]"},
      {"[1, 2]", "[1, 2, 3]"},
      {"[1]", "{\"0\": 1}"},
      {R"({"v": 9007199254740993})", R"({"v": 9007199254740992.0})"},
      {R"({"v": -1})", R"({"v": 18446744073709551615})"},
  };
  for (const auto& [completion, expected] : different) {
    EXPECT_FALSE(same_json(completion, expected)) << completion << " and " << expected;
    EXPECT_FALSE(same_json(expected, completion)) << expected << " and " << completion;
  }
}

TEST(ExactJson, TextsThatAreNotJson) {
  const std::string record = R"({"a": 1})";
  const std::string broken[] = {"",
                                "   ",
                                "null record",
                                R"({"a": 1)",
                                R"({"a": 1}})",
                                R"({"a": 1} done)",
                                R"(x{"a":1})",
                                R"({'a': 1})",
                                R"({"a": 1,})",
                                R"({a: 1})",
                                R"({"a": 01})",
                                R"({"a": 1, "a": 1})",
                                R"({"a": NaN})",
                                R"({"a": Infinity})",
                                R"({"a": 1} {"a": 1})",
                                "// c\n{\"a\": 1}",
                                "```json\n{\"a\": 1}\n```",
                                "{\"a\": \"\xFF\"}",
                                "{\"a\": \"\n\"}",
                                R"({"a": 1e999})"};
  for (const std::string& text : broken) {
    EXPECT_FALSE(strict_json(text)) << text;
    EXPECT_FALSE(same_json(text, record)) << text;
    EXPECT_FALSE(same_json(text, text)) << text;
  }
  EXPECT_TRUE(strict_json(record));
}

TEST(ExactJson, DeepNestingIsRefusedAndNotFatal) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_FALSE(same_json(deep, deep));
}

TEST(ExactJson, ScoreSums) {
  ScoreSums sums;
  EXPECT_EQ(sums.share(), 0);
  for (const bool exact : {true, false, true, true}) sums.add(exact);
  EXPECT_EQ(sums.exact, 3);
  EXPECT_EQ(sums.rows, 4);
  EXPECT_EQ(sums.share(), 0.75);
}

}  // namespace
}  // namespace vernier

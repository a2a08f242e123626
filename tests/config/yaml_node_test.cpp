#include "config/yaml_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"
#include "config/values.h"

namespace vernier {
namespace {

using testing::HasSubstr;

std::string problems(const std::string& text) {
  Report report;
  parse_yaml(text, "f", report);
  try {
    report.throw_problems();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST(YamlNode, KeepsTextAndPlaces) {
  Report report;
  const auto root = parse_yaml("a: no\nb:\n  - 1e-4\n  - 'no'\nc: {d: ~}\ne:\n", "f", report);
  ASSERT_TRUE(root && !report.has_problems());
  ASSERT_EQ(root->keys.size(), 4u);
  EXPECT_EQ(root->items[0].text, "no");
  EXPECT_FALSE(root->items[0].quoted);
  EXPECT_EQ(root->items[1].items[0].text, "1e-4");
  EXPECT_EQ(root->items[1].items[0].place, (Place{"f", 3, 5}));
  EXPECT_TRUE(root->items[1].items[1].quoted);
  EXPECT_EQ(root->keys[2].place, (Place{"f", 5, 1}));
  EXPECT_TRUE(root->items[2].items[0].is_unset());
  EXPECT_TRUE(root->items[3].is_unset());
}

TEST(YamlNode, ByteOrderMarkAndWindowsLines) {
  Report report;
  const auto root = parse_yaml(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n",
      "f", report);
  ASSERT_TRUE(root && !report.has_problems());
  EXPECT_EQ(root->items[0].text, "1");
  EXPECT_EQ(root->items[1].text, "2");
  EXPECT_EQ(root->keys[1].place, (Place{"f", 2, 1}));
}

TEST(YamlNode, RefusesWhatIsNotPlainData) {
  EXPECT_THAT(problems("a: &x 1\nb: *x\n"), testing::AllOf(HasSubstr("f:1:4: anchors"), HasSubstr("f:2:4: aliases")));
  EXPECT_THAT(problems("a: !!int 3\n"), HasSubstr("f:1:4: tags"));
  EXPECT_THAT(problems("a: !python/object:os.system x\n"), HasSubstr("f:1:4: tags"));
  EXPECT_THAT(problems("a: ! x\n"), HasSubstr("f:1:4: tags"));
  EXPECT_THAT(problems("a: ! {b: 1}\n"), HasSubstr("f:1:4: tags"));
  EXPECT_THAT(problems("a: &x {b: 1}\nc:\n  <<: {d: 2}\n"), HasSubstr("f:3:3: merge keys"));
  EXPECT_THAT(problems("a: 1\n---\nb: 2\n"), HasSubstr("second document"));
  EXPECT_THAT(problems("? [x]\n: 1\n"), HasSubstr("a key must be plain text"));
  EXPECT_THAT(problems(": 1\n"), HasSubstr("a key is missing"));
  EXPECT_THAT(problems("a: !x &y 1\n"), HasSubstr("tags"));
}

TEST(YamlNode, NamesBothLinesOfADuplicate) {
  EXPECT_THAT(problems("a: 1\nb: 2\na: 3\n"), HasSubstr("f:3:1: \"a\" is given twice, first in line 1"));
  EXPECT_THAT(problems("a:\n  - {b: 1, b: 2}\n"), HasSubstr("f:2:12: \"b\" is given twice, first in line 2"));
}

TEST(YamlNode, OfADuplicateTheFirstIsKept) {
  Report report;
  const auto root = parse_yaml("a: 1\nb: 2\na: {c: [3], d: 4}\ne: 5\n", "f", report);
  EXPECT_TRUE(report.has_problems());
  ASSERT_EQ(root->keys.size(), 3U);
  ASSERT_EQ(root->items.size(), 3U);
  EXPECT_EQ(root->items[0].text, "1");
  EXPECT_EQ(root->keys[2].text, "e");
  EXPECT_EQ(root->items[2].text, "5");
}

TEST(YamlNode, SyntaxErrorsHaveAPlace) {
  EXPECT_THAT(problems("a: [1, 2\nb: 3\n"), testing::AllOf(HasSubstr("f:"), HasSubstr("not valid YAML")));
  EXPECT_THAT(problems("\xC3\xA4: x\na: 'x\nb: 1\n"), HasSubstr("f:2:4: the quote that opens here is not closed"));
  EXPECT_THAT(problems("a: \"x\\\"\nb: 1\n"), HasSubstr("f:1:4: the quote that opens here is not closed"));
  EXPECT_EQ(problems("a: 'it''s'\nb: \"q\\\"\"\nc: it's\nd: 'two\n  lines'\n"), "");
  EXPECT_THAT(problems("a: b: c\n"), HasSubstr("f:1:5: not valid YAML"));
  EXPECT_THAT(problems("a:\n\t- 1\n"), HasSubstr("not valid YAML"));
}

TEST(YamlNode, RefusesBytesThatAreNoText) {
  EXPECT_THAT(problems(std::string("a: 1\nb: x\0y\n", 11)), HasSubstr("f:2:5: a control character"));
  EXPECT_THAT(problems("a: \xFF\n"), HasSubstr("not UTF-8"));
  EXPECT_THAT(problems("\xFF\xFE"
                       "a"),
              HasSubstr("not UTF-8"));
  EXPECT_THAT(problems("a: \x1B[31m\n"), HasSubstr("control character"));
}

TEST(YamlNode, IsBounded) {
  EXPECT_THAT(problems(std::string(kMaxYamlBytes + 1, '#')), HasSubstr("bytes"));
  EXPECT_THAT(problems("a: " + std::string(40, '[') + std::string(40, ']')), HasSubstr("deeper than 16"));
  EXPECT_THAT(problems(std::string(100000, '[')), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(problems(std::string(100000, '{')), testing::Not(testing::IsEmpty()));
  std::string deep;
  for (int i = 0; i < 400; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(problems(deep), HasSubstr("deeper than 16"));
  std::string many = "a: [";
  for (std::size_t i = 0; i < kMaxYamlValues; ++i) many += "1,";
  EXPECT_THAT(problems(many + "1]\n"), HasSubstr("more than 20000 values"));
  EXPECT_EQ(problems("a: [[[[[[[[[[[[[[1]]]]]]]]]]]]]]\n"), "");
}

TEST(YamlNode, AliasBombNeverExpands) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    bomb += str("a", i, ": &a", i, " [");
    for (int k = 0; k < 9; ++k) bomb += str(k ? ", " : "", "*a", i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(problems(bomb), HasSubstr("aliases (*name) are not read"));
}

TEST(YamlNode, SurvivesDamagedText) {
  const std::string good =
      "a: {b: [1, 'x', \"y\\n\"]}\nc:\n  - d: |\n      text\n  - e: >-\n      more\nf: \"q\" # c\n";
  const std::string bytes = "\t \n:-?[]{},#&*!|>'\"%@`~<=ab0\\";
  const RandomStream random(3, RandomPurpose::kSampling);
  std::uint64_t next = 0;
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string text = good;
    for (std::uint32_t edits = 1 + random.at(next++) % 6; edits > 0; --edits) {
      const std::size_t at = random.at(next++) % text.size();
      const char byte = bytes[random.at(next++) % bytes.size()];
      if (random.at(next++) % 2)
        text[at] = byte;
      else
        text.insert(at, 1, byte);
    }
    refused += problems(text).empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 300);
  EXPECT_LT(refused, 1500);
}

TEST(YamlNode, WrittenTextReadsBack) {
  for (const std::string& text :
       {std::string("plain"), std::string("no"), std::string("a: b # c"), std::string("x\ny\tz"),
        std::string("\"q\\\""), std::string("gr\xC3\xBC\xC3\x9F/\xE2\x82\xAC.txt"), std::string("  lead"),
        std::string("{a}"), std::string("~"), std::string("C:\\data"), std::string("\x7F"), std::string("%x"),
        std::string("a,b")}) {
    Report report;
    const auto root = parse_yaml("a: [" + yaml_text(text) + "]  # end\n", "f", report);
    ASSERT_TRUE(root && !report.has_problems()) << yaml_text(text);
    EXPECT_EQ(root->items[0].items[0].text, text);
  }
}

}  // namespace
}  // namespace vernier

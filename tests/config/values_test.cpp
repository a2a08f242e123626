#include "config/values.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace vernier {
namespace {

TEST(Values, Numbers) {
  EXPECT_EQ(parse_number("1e-4"), 1e-4);
  EXPECT_EQ(parse_number("2E-4"), 2e-4);
  EXPECT_EQ(parse_number("1.0e-4"), 1e-4);
  EXPECT_EQ(parse_number(".5"), 0.5);
  EXPECT_EQ(parse_number("+3"), 3.0);
  EXPECT_EQ(parse_number("-0.25"), -0.25);
  for (const char* text :
       {"",       "+",    "-",   ".",  "e5", "1e",  "nan", ".nan", "inf", "-.inf", "Infinity", "1e999",
        "1e-999", "0x10", "1_0", "_1", "1_", "++1", "+-1", "1 2",  " 1",  "1,5",   "two",      "1e5x"})
    EXPECT_FALSE(parse_number(text)) << text;
}

TEST(Values, Integers) {
  EXPECT_EQ(parse_integer("16"), 16);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("3.0"), 3);
  EXPECT_EQ(parse_integer("1e3"), 1000);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", "1.5", "1e-1", "1_0", "1_000", "9223372036854775808", "1e17", "0x10", "sixteen", "nan"})
    EXPECT_FALSE(parse_integer(text)) << text;
}

TEST(Values, Booleans) {
  for (const char* text : {"true", "True", "YES", "on", "On"}) EXPECT_EQ(parse_bool(text), true) << text;
  for (const char* text : {"false", "FALSE", "no", "Off"}) EXPECT_EQ(parse_bool(text), false) << text;
  for (const char* text : {"", "1", "0", "y", "n", "t", "truee"}) EXPECT_FALSE(parse_bool(text).has_value()) << text;
}

TEST(Values, Durations) {
  EXPECT_EQ(parse_duration("90s"), 90);
  EXPECT_EQ(parse_duration("30m"), 1800);
  EXPECT_EQ(parse_duration("2H"), 7200);
  EXPECT_EQ(parse_duration("1h30m"), 5400);
  EXPECT_EQ(parse_duration("1.5h"), 5400);
  EXPECT_EQ(parse_duration("1d2h3m4s"), 93784);
  for (const char* text :
       {"", "2", "h", "2x", "30m1h", "1h1h", "1h 30m", "-2h", "0s", "2h30", "1e3s", "99999999d", "1:30"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Values, NumberTextReadsBackExactly) {
  const RandomStream random(7, RandomPurpose::kSampling);
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const std::uint64_t bits = static_cast<std::uint64_t>(random.at(2 * i)) << 32 | random.at(2 * i + 1);
    const double value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) continue;
    const auto back = parse_number(number_text(value));
    ASSERT_TRUE(back) << number_text(value);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(*back), bits) << number_text(value);
  }
  EXPECT_EQ(number_text(2e-4), "0.0002");
  EXPECT_EQ(number_text(32), "32");
  EXPECT_EQ(number_text(1e-8), "1.0e-08");
  EXPECT_EQ(number_text(0), "0");
}

TEST(Values, YamlTextIsPlainOnlyWhereNoReaderTakesItForSomethingElse) {
  EXPECT_EQ(yaml_text("runs/demo-1"), "runs/demo-1");
  EXPECT_EQ(yaml_text("../x.jsonl"), "../x.jsonl");
  for (const char* text : {"no", "True", "null", "1e-4", "16",   "",  "a: b", "a #b", "- x", "*x", "&x",
                           "~",  "x y",  "[x]",  "{x}",  "1:30", "y", ".inf", "-x",   "@x",  "..."})
    EXPECT_EQ(yaml_text(text).front(), '"') << text;
  EXPECT_EQ(yaml_text("a\"b\\c\nd"), "\"a\\\"b\\\\c\\x0Ad\"");
}

TEST(Values, BytesHaveAUnit) {
  EXPECT_EQ(parse_bytes("8GB"), 8'000'000'000);
  EXPECT_EQ(parse_bytes("1.5GiB"), 3LL << 29);
  EXPECT_EQ(parse_bytes("512 mib"), 512LL << 20);
  EXPECT_EQ(parse_bytes("100kB"), 100'000);
  EXPECT_EQ(parse_bytes("77B"), 77);
  for (const char* wrong : {"", "8", "GB", "8G", "-1GB", "8GBs", "8 Gi", "1e3MB", "..5MB", "999999999TB"})
    EXPECT_EQ(parse_bytes(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace vernier

#include "base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/random.h"

namespace vernier {
namespace {

TEST(Str, JoinsWhateverStreamsTake) {
  EXPECT_EQ(str("row ", 57, " of ", std::string("x"), ' ', 1.5), "row 57 of x 1.5");
}

TEST(FormatFloat, NineDigitsGiveEveryF32Back) {
  const RandomStream random(7, RandomPurpose::kSampling);
  for (std::uint64_t i = 0; i < 200000; ++i) {
    const float value = std::bit_cast<float>(random.at(i));
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::strtof(format_float(value).c_str(), nullptr), value);
  }
}

TEST(FormatFloat, NamesWhatJsonHasNoNumberFor) {
  EXPECT_EQ(format_float(std::nan("")), "NaN");
  EXPECT_EQ(format_float(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(format_float(-std::numeric_limits<double>::infinity()), "-Infinity");
  EXPECT_EQ(format_float(0), "0");
  EXPECT_EQ(format_float(1.0 / 3), "0.333333333");
  EXPECT_EQ(format_float(2e-4), "0.0002");
}

TEST(FormatBytes, UsesBinaryUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(std::uint64_t{64} << 20), "64.0 MiB");
  EXPECT_EQ(format_bytes(2147483648u), "2.0 GiB");
  EXPECT_EQ(format_bytes(std::uint64_t{5000} << 40), "5000.0 TiB");
}

TEST(CountOf, OneIsSingular) {
  EXPECT_EQ(count_of(0, "row"), "0 rows");
  EXPECT_EQ(count_of(1, "row"), "1 row");
  EXPECT_EQ(count_of(24, "target"), "24 targets");
}

TEST(FormatDuration, RoundsToSecondsThenMinutes) {
  EXPECT_EQ(format_duration(0.2), "0s");
  EXPECT_EQ(format_duration(-5), "0s");
  EXPECT_EQ(format_duration(59.4), "59s");
  EXPECT_EQ(format_duration(59.6), "1m 00s");
  EXPECT_EQ(format_duration(93), "1m 33s");
  EXPECT_EQ(format_duration(7325), "2h 02m");
  EXPECT_EQ(format_duration(100 * 3600.0), "100h 00m");
}

TEST(Join, PutsTheSeparatorBetween) {
  const std::vector<std::string> parts = {"a", "", "c"};
  EXPECT_EQ(join(parts, ", "), "a, , c");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(Split, KeepsEmptyPartsAndIsTheInverseOfJoin) {
  EXPECT_EQ(split("a.b..c", '.'), (std::vector<std::string>{"a", "b", "", "c"}));
  EXPECT_EQ(split("", '.'), (std::vector<std::string>{""}));
  EXPECT_EQ(split(".", '.'), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(join(split("x:y:", ':'), ":"), "x:y:");
}

TEST(Trim, TakesWhiteSpaceOffBothEnds) {
  EXPECT_EQ(trim(" \t\r\n a b \f\v"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(StartsEnds, CompareWholePrefixes) {
  EXPECT_TRUE(starts_with("abc", "ab"));
  EXPECT_TRUE(starts_with("abc", ""));
  EXPECT_FALSE(starts_with("ab", "abc"));
  EXPECT_TRUE(ends_with("abc", "bc"));
  EXPECT_FALSE(ends_with("bc", "abc"));
}

TEST(NearestName, FindsTheLeastEdits) {
  const std::vector<std::string> names = {"learning_rate", "lora_r", "lora_alpha", "seed"};
  EXPECT_EQ(nearest_name("learnin_rate", names), "learning_rate");
  EXPECT_EQ(nearest_name("lora_alhpa", names), "lora_alpha");
  EXPECT_EQ(nearest_name("sead", names), "seed");
  EXPECT_EQ(nearest_name("seed", names), "seed");
}

TEST(NearestName, IsSilentWhenNothingIsNear) {
  const std::vector<std::string> names = {"learning_rate", "seed"};
  EXPECT_EQ(nearest_name("gradient_checkpointing", names), "");
  EXPECT_EQ(nearest_name("abcd", names), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

TEST(NearestName, MeasuresLevenshteinDistance) {
  const std::vector<std::string> one = {"kitten"};
  EXPECT_EQ(nearest_name("sitten", one), "kitten");
  EXPECT_EQ(nearest_name("sittin", one), "kitten");
  EXPECT_EQ(nearest_name("sitting", one), "") << "distance 3, and 2 is the most for seven letters";
}

std::string encode_utf8(std::uint32_t code) {
  std::string text;
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 63));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 63)), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
  }
  return text;
}

TEST(IsUtf8, TakesEveryCodePointButSurrogates) {
  for (std::uint32_t code = 0; code < 0x120000; ++code) {
    const bool valid = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    const std::string text = encode_utf8(code);
    ASSERT_EQ(is_utf8(text), valid) << code;
    ASSERT_EQ(is_utf8("a" + text + "b"), valid) << code;
    if (text.size() > 1) {
      ASSERT_FALSE(is_utf8(std::string_view(text).substr(0, text.size() - 1))) << code;
    }
  }
}

TEST(IsUtf8, RefusesOverlongFormsAndStrayBytes) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_FALSE(is_utf8("\xC0\x80"));
  EXPECT_FALSE(is_utf8("\xC1\xBF"));
  EXPECT_FALSE(is_utf8("\xE0\x9F\xBF"));
  EXPECT_FALSE(is_utf8("\xF0\x8F\xBF\xBF"));
  EXPECT_FALSE(is_utf8("\xF5\x80\x80\x80"));
  EXPECT_FALSE(is_utf8("\x80"));
  EXPECT_FALSE(is_utf8("\xC3("));
  EXPECT_FALSE(is_utf8("\xE2\x82("));
}

}  // namespace
}  // namespace vernier

#include "io/json.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/text.h"
#include "io/test_files.h"

namespace vernier {
namespace {

using test::error_of;

TEST(Json, ReadsEveryKindInOrder) {
  const Json json = parse_json("{\"z\": [1, -2, 2.5, true, null], \"a\": {\"s\": \"\\u00e9\\n\"}}", "f.json");
  EXPECT_EQ(json.dump(), "{\"z\":[1,-2,2.5,true,null],\"a\":{\"s\":\"é\\n\"}}");
  EXPECT_EQ(parse_json(" 7 ", "f").get<int>(), 7);
  EXPECT_EQ(parse_json("[]", "f"), Json::array());
  EXPECT_EQ(parse_json("18446744073709551615", "f").get<std::uint64_t>(), 18446744073709551615u);
}

struct Bad {
  const char* text;
  const char* where;
  const char* what;
};

class JsonErrors : public testing::TestWithParam<Bad> {};

TEST_P(JsonErrors, NameThePlace) {
  const Bad& bad = GetParam();
  const Error error = error_of([&] { parse_json(bad.text, "f.json"); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(error.where(), bad.where) << error.what();
  EXPECT_NE(std::string(error.what()).find(bad.what), std::string::npos) << error.what();
}

INSTANTIATE_TEST_SUITE_P(
    Table, JsonErrors,
    testing::Values(Bad{"", "f.json:1:1", "unexpected end of input"}, Bad{"{", "f.json:1:2", "unexpected end of input"},
                    Bad{"{\"a\": 1,}", "f.json:1:9", "unexpected '}'"}, Bad{"[1 2]", "f.json:1:4", "unexpected number"},
                    Bad{"{\n  \"a\": nul\n}", "f.json:2:11", "invalid literal"},
                    Bad{"{} x", "f.json:1:4", "invalid literal"}, Bad{"[1e999]", "f.json:1:6", "number overflow"},
                    Bad{"{\"a\":1,\n\"b\":2,\n  \"a\":3}", "f.json:3:3", "duplicate key \"a\""},
                    Bad{"{\"x\\\"y\":1, \"x\\\"y\":1}", "f.json:1:12", "duplicate key"},
                    Bad{"{\"é\":1,\"\\u00e9\":1}", "f.json:1:9", "duplicate key"},
                    Bad{"{\"o\":{\"k\":1,\"k\":1}}", "f.json:1:13", "duplicate key \"k\""},
                    Bad{"[\"\xff\"]", "f.json:1:3", "not UTF-8"}, Bad{"\"a\n\xc3\x28\"", "f.json:2:1", "not UTF-8"},
                    Bad{"\"\xed\xa0\x80\"", "f.json:1:2", "not UTF-8"}, Bad{"\"\xf0\x9f\"", "f.json:1:2", "not UTF-8"},
                    Bad{"\"\\ud800\"", "f.json:1:8", "surrogate"}, Bad{"'a'", "f.json:1:1", "invalid literal"},
                    Bad{"{a:1}", "f.json:1:2", "invalid literal"}, Bad{"[01]", "f.json:1:3", "unexpected number"},
                    Bad{"\"tab\there\"", "f.json:1:5", "control character"},
                    Bad{"NaN", "f.json:1:1", "invalid literal"}, Bad{"{\"a\" 1}", "f.json:1:6", "unexpected number"}));

TEST(Json, ANulByteIsNoEnd) {
  using namespace std::string_literals;
  EXPECT_EQ(error_of([] { parse_json("{}\0"s, "f"); }).where(), "f:1:3");
  EXPECT_EQ(error_of([] { parse_json("\0"s, "f"); }).where(), "f:1:1");
  EXPECT_EQ(error_of([] { parse_json("[1,\n\0]"s, "f"); }).where(), "f:2:1");
}

TEST(Json, RefusesDepthWithoutDeepRecursion) {
  const std::string arrays(1000000, '[');
  Error error = error_of([&] { parse_json(arrays, "f"); });
  EXPECT_EQ(error.where(), "f:1:257");
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  error = error_of([&] { parse_json(objects, "f"); });
  EXPECT_EQ(error.where(), "f:1:1281");
  EXPECT_NO_THROW(parse_json(std::string(256, '[') + std::string(256, ']'), "f"));
}

TEST(Json, LargeObjectsTakeLinearTime) {
  std::string text = "{\"k0\":0";
  for (int i = 1; i < 150000; ++i) text += str(",\"k", i, "\":", i);
  const std::clock_t start = std::clock();
  const Json json = parse_json(text + "}", "vocab");
  EXPECT_LT(std::clock() - start, 30 * CLOCKS_PER_SEC);
  EXPECT_EQ(json.size(), 150000u);
  EXPECT_EQ(std::prev(json.end()).value(), 149999);
  const Error error = error_of([&] { parse_json(text + ",\"k75000\":1}", "vocab"); });
  EXPECT_NE(std::string(error.what()).find("duplicate key \"k75000\""), std::string::npos);
}

TEST(Json, FilesNameTheirPath) {
  const test::TempDir dir;
  EXPECT_EQ(read_json_file(dir.write("a.json", "{\"a\": 1}"))["a"], 1);
  Error error = error_of([&] { read_json_file(dir / "none.json"); });
  EXPECT_EQ(error.where(), dir / "none.json");
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  error = error_of([&] { read_json_file(dir.str()); });
  EXPECT_NE(std::string(error.what()).find("directory"), std::string::npos);
  error = error_of([&] { read_json_file(dir.write("big.json", "[1, 2, 3, 4]"), 5); });
  EXPECT_NE(std::string(error.what()).find("larger than 5 B"), std::string::npos) << error.what();
  error = error_of([&] { read_json_file(dir.write("bad.json", "[\n1,\n]")); });
  EXPECT_EQ(error.where(), dir / "bad.json" + ":3:1");
  error = error_of([&] { read_json_file("/dev/null"); });
  EXPECT_NE(std::string(error.what()).find("not a regular file"), std::string::npos);
}

}  // namespace
}  // namespace vernier

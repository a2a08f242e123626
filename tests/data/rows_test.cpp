#include "data/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "data/dataset_fixture.h"

namespace vernier {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Read {
  std::string text;
  std::int64_t line, column;
  bool operator==(const Read&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Read& read) {
  return out << read.line << ":" << read.column << " " << read.text;
}

class Rows : public testing::Test {
 protected:
  std::vector<Read> read(const std::string& name, std::string_view bytes, std::size_t limit = kMaxRowBytes) {
    path_ = folder_.write(name, bytes);
    RowReader reader(path_, limit);
    std::vector<Read> rows;
    for (RawRow row; reader.next(row);) rows.push_back({row.text, row.line, row.column});
    return rows;
  }
  std::string read_error(const std::string& name, std::string_view bytes, std::size_t limit = kMaxRowBytes) {
    return error_of([&] { read(name, bytes, limit); });
  }
  std::string parse_error(std::string text, std::int64_t line = 1, std::int64_t column = 1) {
    return error_of([&] { parse_row({std::move(text), line, column}, "d.jsonl"); });
  }

  DataFolder folder_;
  std::string path_;
};

TEST_F(Rows, LinesWithEveryKindOfLineEnd) {
  const std::vector<Read> expected = {{"{\"a\":1}", 1, 1}, {"{\"a\":2}", 2, 1}, {"{\"a\":3}", 3, 1}};
  EXPECT_EQ(read("a.jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"), expected);
  EXPECT_EQ(read("a.jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}"), expected);
  EXPECT_EQ(read("a.JSONL", "{\"a\":1}\r\n{\"a\":2}\r\n{\"a\":3}\r\n"), expected);
  EXPECT_EQ(read("a.ndjson", "\xEF\xBB\xBF{\"a\":1}\n{\"a\":2}\n{\"a\":3}"), expected);
}

TEST_F(Rows, BlankLinesAreSkippedAndCounted) {
  EXPECT_EQ(read("a.jsonl", "\n \t\r\n{}\n\n\n{\"b\":0}\n\n"), (std::vector<Read>{{"{}", 3, 1}, {"{\"b\":0}", 6, 1}}));
  EXPECT_TRUE(read("a.jsonl", "").empty());
  EXPECT_TRUE(read("a.jsonl", "\n\n").empty());
  EXPECT_TRUE(read("a.txt", "\xEF\xBB\xBF").empty());
}

TEST_F(Rows, TextKeepsItsSpaces) {
  EXPECT_EQ(read("a.txt", "  one \n\ntwo\t\r\n \nthree"),
            (std::vector<Read>{{"  one ", 1, 1}, {"two\t", 3, 1}, {"three", 5, 1}}));
  EXPECT_TRUE(RowReader(path_).is_text());
}

TEST_F(Rows, LinesLongerThanTheBuffer) {
  const std::string longest(3'000'001, 'x');
  EXPECT_EQ(read("a.txt", "a\n" + longest + "\nb"), (std::vector<Read>{{"a", 1, 1}, {longest, 2, 1}, {"b", 3, 1}}));
}

TEST_F(Rows, OverlongLineIsRefusedInBoundedMemory) {
  EXPECT_EQ(read("a.txt", std::string(100, 'x') + "\n", 100).size(), 1u);
  EXPECT_THAT(read_error("a.txt", "ok\n" + std::string(101, 'x'), 100), HasSubstr("a.txt:2:1: this line is longer"));
  EXPECT_THAT(read_error("a.txt", "ok\n" + std::string(9'000'000, 'x'), 100), HasSubstr(":2:1: this line is longer"));
}

TEST_F(Rows, ListElementsWithTheirPlaces) {
  const std::vector<Read> rows = read("a.json", R"([
  {"a": "]}{[ \" \\"},

    {"b": [1, {"c": 2}],
     "d": 1}, {}
]
)");
  EXPECT_EQ(rows,
            (std::vector<Read>{
                {R"({"a": "]}{[ \" \\"})", 2, 3}, {"{\"b\": [1, {\"c\": 2}],\n     \"d\": 1}", 4, 5}, {"{}", 5, 15}}));
}

TEST_F(Rows, ListsMayBeEmptyAndBeginWithAByteOrderMark) {
  EXPECT_TRUE(read("a.json", "[]").empty());
  EXPECT_TRUE(read("a.json", " [ \n ] \n").empty());
  EXPECT_TRUE(read("a.json", "").empty());
  EXPECT_EQ(read("a.json", "\xEF\xBB\xBF[{}]"), (std::vector<Read>{{"{}", 1, 2}}));
}

TEST_F(Rows, JsonFileOfLinesIsReadAsLines) {
  EXPECT_EQ(read("a.json", "{\"a\":1}\n{\"a\":2}\n"), (std::vector<Read>{{"{\"a\":1}", 1, 1}, {"{\"a\":2}", 2, 1}}));
}

TEST_F(Rows, ElementsSpanTheBuffer) {
  std::string text = "[";
  for (int i = 0; i < 3; ++i) text += std::string(i > 0 ? "," : "") + "{\"t\":\"" + std::string(700'000, 'x') + "\"}\n";
  const std::vector<Read> rows = read("a.json", text + "]");
  ASSERT_EQ(rows.size(), 3u);
  for (const Read& row : rows) EXPECT_EQ(parse_row({row.text, 1, 1}, "x")["t"].get<std::string>().size(), 700'000u);
}

TEST_F(Rows, BrokenListsNameThePlace) {
  EXPECT_THAT(read_error("a.json", "[{}\n{}]"), HasSubstr("a.json:2:1: a \",\" or \"]\" is missing"));
  EXPECT_THAT(read_error("a.json", "[{},\n]"), HasSubstr(":2:1: a comma before the end"));
  EXPECT_THAT(read_error("a.json", "[{},\n 7]"), HasSubstr(":2:2: an element of the list is not an object"));
  EXPECT_THAT(read_error("a.json", "[{}"), HasSubstr(":1:4: the list is cut off"));
  EXPECT_THAT(read_error("a.json", "[{},"), HasSubstr(":1:5: the list is cut off"));
  EXPECT_THAT(read_error("a.json", "["), HasSubstr(":1:2: the list is cut off"));
  EXPECT_THAT(read_error("a.json", "[]x"), HasSubstr(":1:3: there is something after the end"));
  EXPECT_THAT(read_error("a.json", "[{\"a\": \"x\n\"}]"), HasSubstr(":1:10: a string is not closed"));
  EXPECT_THAT(read_error("a.json", "[\n{\"a\": 1,\n \"b\": [2"), HasSubstr("a.json:3:"));
  EXPECT_THAT(read_error("a.json", "[{\"a\": \"x\\"), HasSubstr("a.json:1:"));
  EXPECT_THAT(read_error("a.json", "[{\"a\": \"" + std::string(200, 'x') + "\"}]", 100),
              HasSubstr(":1:2: this element is longer"));
}

TEST_F(Rows, MismatchedBracketsAreFoundInsideTheElement) {
  EXPECT_THAT(read_error("a.json", "[{\"a\": [1, 2},\n {\"a\": 3}]"),
              HasSubstr("a.json:1:13: \"]\" is missing before this \"}\""));
}

TEST_F(Rows, OtherKindsNameTheSupportedOnes) {
  for (const char* name : {"a.csv", "a.parquet", "a.jsonl.gz", "a.arrow", "a"}) {
    const std::string message = read_error(name, "x");
    EXPECT_THAT(message, HasSubstr(name));
    EXPECT_THAT(message, HasSubstr("supported: .jsonl"));
  }
  EXPECT_THAT(read_error("a.jsonl", "\x1F\x8B\x08 zip"), HasSubstr("are gzip"));
  EXPECT_THAT(read_error("a.json", "PAR1...."), HasSubstr("are Parquet"));
  EXPECT_THAT(read_error("a.txt", std::string_view("\xFF\xFEh\0i\0", 6)), HasSubstr("are UTF-16"));
}

TEST_F(Rows, AbsentAndIrregularFiles) {
  EXPECT_THAT(error_of([&] { RowReader reader(folder_.path("none.jsonl")); }),
              testing::AllOf(HasSubstr("none.jsonl"), HasSubstr("No such file")));
  std::filesystem::create_directory(folder_.path("dir.jsonl"));
  EXPECT_THAT(error_of([&] { RowReader reader(folder_.path("dir.jsonl")); }), HasSubstr("not a regular file"));
}

TEST_F(Rows, BrokenLineHasPlaceAndExcerpt) {
  const std::string message = parse_error(R"({"text": "one", "label": oops})", 57);
  EXPECT_THAT(message, StartsWith("d.jsonl:57:26: "));
  EXPECT_THAT(message, HasSubstr("near: {\"text\": \"one\", \"label\": oops}"));
  EXPECT_THAT(parse_error("{\"a\": 1", 3), StartsWith("d.jsonl:3:8: "));
  EXPECT_THAT(parse_error("{\"a\": 1} {\"b\": 2}", 3), StartsWith("d.jsonl:3:10: "));
  EXPECT_THAT(parse_error("{\"a\": 1, \"a\": 2}", 3), HasSubstr("d.jsonl:3:10: duplicate key \"a\""));
}

TEST_F(Rows, PlaceInsideAnElementCountsFromWhereItBegins) {
  EXPECT_THAT(parse_error("{\"a\": x}", 4, 5), StartsWith("d.jsonl:4:11: "));
  EXPECT_THAT(parse_error("{\n \"a\": 1,\n  \"b\": x}", 4, 5), StartsWith("d.jsonl:6:8: "));
}

TEST_F(Rows, ExcerptOfALongLineIsCutAtCharacters) {
  std::string text = "{\"a\": \"";
  for (int i = 0; i < 100; ++i) text += "\xC3\xA4";
  const std::string message = parse_error(text + "\" x \"" + std::string(100, 'y') + "\"}");
  EXPECT_TRUE(is_utf8(message)) << message;
  EXPECT_THAT(message, HasSubstr("near: ..."));
  EXPECT_LT(message.size(), 250u) << message;
}

TEST_F(Rows, AValueThatNeverEndsIsNotQuotedWhole) {
  EXPECT_LT(parse_error("{\"a\": \"" + std::string(1'000'000, 'x')).size(), 250u);
  EXPECT_LT(parse_error("{\"a\": tru" + std::string(1'000'000, 'x') + "}").size(), 250u);
}

TEST_F(Rows, BytesThatAreNoTextAreNamed) {
  EXPECT_THAT(parse_error(std::string("{\"a\": \"x\0y\"}", 12), 9),
              testing::AllOf(StartsWith("d.jsonl:9:9: a NUL byte"), HasSubstr("x?y")));
  EXPECT_THAT(parse_error("{\"a\": \"\xC3\xA4\xE4 caf\xE9\"}", 9),
              StartsWith("d.jsonl:9:10: bytes that are not UTF-8"));
  EXPECT_THAT(parse_error("{\"a\": \"\xF0\x9F\x98", 9), StartsWith("d.jsonl:9:8: bytes that are not UTF-8"));
  EXPECT_THAT(error_of([] {
                check_text({"caf\xE9", 2, 1}, "t.txt");
              }),
              StartsWith("t.txt:2:4: bytes that are not UTF-8"));
}

TEST_F(Rows, ValuesThatAreNoObjectSayTheirType) {
  EXPECT_THAT(parse_error("[1, 2]", 2), StartsWith("d.jsonl:2:1: this row is of the JSON type array"));
  EXPECT_THAT(parse_error("\"text\"", 2), HasSubstr("JSON type string"));
  EXPECT_THAT(parse_error("null", 2), HasSubstr("JSON type null"));
}

TEST_F(Rows, FieldsAreAskedForByName) {
  const Json row = Json::parse(R"({"a": "x", "b": 1})");
  EXPECT_EQ(string_field(row, "a", ""), "x");
  EXPECT_THAT(error_of([&] { string_field(row, "c", "{...}"); }), HasSubstr("no \"c\": this row has the keys a, b"));
  EXPECT_THAT(error_of([&] { string_field(row, "b", "{...}"); }), HasSubstr("of the JSON type number"));
  EXPECT_EQ(describe_keys(Json::object()), "this row has no keys");
  Json many = Json::object();
  for (int i = 0; i < 1000; ++i) many["key" + std::to_string(i)] = i;
  EXPECT_LT(describe_keys(many).size(), 200u);
}

}  // namespace
}  // namespace vernier

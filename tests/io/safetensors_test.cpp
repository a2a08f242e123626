#include "io/safetensors.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "io/test_files.h"

namespace vernier {
namespace {

using test::error_of;
using test::safetensors_bytes;
using test::TempDir;

std::string entry(const std::string& name, const std::string& type, const std::string& shape, const std::string& at) {
  return str("\"", name, "\":{\"dtype\":\"", type, "\",\"shape\":", shape, ",\"data_offsets\":", at, "}");
}

TEST(Safetensors, ReadsWhatIsThere) {
  const TempDir dir;
  const std::string header =
      str("  {\"__metadata__\":{\"format\":\"pt\",\"k\":\"v\"},", entry("b", "F16", "[2]", "[8,12]"), ",",
          entry("a", "F32", "[2,1]", "[0,8]"), ",", entry("none", "I64", "[0,3]", "[12,12]"),
          ",\"s\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[12,13],\"more\":[1]}}  ");
  const SafetensorsFile file(dir.write("m", safetensors_bytes(header, "abcdefghijklm")));
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.tensors()[1].name, "b");
  EXPECT_EQ(file.at("a").bytes, "abcdefgh");
  EXPECT_EQ(file.at("a").shape, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(file.at("b").dtype, Dtype::kF16);
  EXPECT_EQ(file.at("b").elements(), 2);
  EXPECT_EQ(file.at("none").elements(), 0);
  EXPECT_EQ(file.at("s").bytes, "m");
  EXPECT_EQ(file.metadata().at("k"), "v");
  EXPECT_EQ(file.find("c"), nullptr);
  const Error error = error_of([&] { file.at("c"); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_NE(error.message().find("tensor \"c\" not found"), std::string::npos);
}

TEST(Safetensors, AnEmptyHeaderIsAnEmptyFile) {
  const TempDir dir;
  EXPECT_TRUE(SafetensorsFile(dir.write("a", safetensors_bytes("{}", ""))).tensors().empty());
  EXPECT_TRUE(SafetensorsFile(dir.write("b", safetensors_bytes("{\"__metadata__\":null}", ""))).metadata().empty());
}

struct Bad {
  const char* title;
  std::string bytes;
  const char* what;
  ErrorKind kind = ErrorKind::kIntegrity;
};

const std::string kOk = entry("a", "F32", "[2]", "[0,8]");
const std::string kData(8, 'x');

std::string file_of(const std::string& entries, const std::string& data = kData) {
  return safetensors_bytes("{" + entries + "}", data);
}

// clang-format off
const std::vector<Bad>& bad_files() {
  static const std::vector<Bad> kBad = {
    {"empty", "", "header too small"},
    {"seven bytes", std::string(7, '\0'), "header too small"},
    {"header length 0", std::string(8, '\0'), "invalid header"},
    {"header over the cap", test::raw(std::uint64_t{100'000'001}) + "{}", "header too large"},
    {"header length 2^63", test::raw(std::uint64_t{1} << 63) + "{}", "header too large"},
    {"header length 2^64-1", test::raw(~std::uint64_t{0}) + "{}", "header too large"},
    {"header past the end", test::raw(std::uint64_t{3}) + "{}", "invalid header length"},
    {"header at the cap, absent", test::raw(std::uint64_t{100'000'000}) + "{}", "invalid header length"},
    {"not UTF-8", safetensors_bytes("{\"\xff\":1}", ""), "not UTF-8"},
    {"not JSON", safetensors_bytes("{]", ""), "invalid header"},
    {"cut JSON", safetensors_bytes("{\"a\":{\"dtype\":\"F32\"", ""), "invalid header"},
    {"text after the JSON", safetensors_bytes("{} x", ""), "invalid header"},
    {"NUL padding", safetensors_bytes(std::string("{}\0\0", 4), ""), "a NUL byte"},
    {"an array", safetensors_bytes("[]", ""), "not a JSON object"},
    {"a number", safetensors_bytes("1", ""), "not a JSON object"},
    {"deep nesting", safetensors_bytes(std::string(5000, '['), ""), "nested deeper"},
    {"duplicate tensor", file_of(kOk + "," + kOk), "duplicate key"},
    {"duplicate field", file_of("\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"), "duplicate key"},
    {"tensor is a number", file_of("\"a\":1"), "not an object"},
    {"tensor is null", file_of("\"a\":null"), "not an object"},
    {"no dtype", file_of("\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}"), "no \"dtype\""},
    {"no shape", file_of("\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}"), "no \"shape\""},
    {"no offsets", file_of("\"a\":{\"dtype\":\"F32\",\"shape\":[2]}"), "no \"data_offsets\""},
    {"dtype is a number", file_of("\"a\":{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}"), "not a string"},
    {"unknown dtype", file_of(entry("a", "F33", "[2]", "[0,8]")), "unknown dtype \"F33\""},
    {"lower-case dtype", file_of(entry("a", "f32", "[2]", "[0,8]")), "unknown dtype"},
    {"shape is a number", file_of(entry("a", "F32", "2", "[0,8]")), "not a list"},
    {"negative dimension", file_of(entry("a", "F32", "[-2]", "[0,8]")), "not a size"},
    {"fractional dimension", file_of(entry("a", "F32", "[2.0]", "[0,8]")), "not a size"},
    {"dimension is text", file_of(entry("a", "F32", "[\"2\"]", "[0,8]")), "not a size"},
    {"dimension over 2^64", file_of(entry("a", "F32", "[18446744073709551616]", "[0,8]")), "not a size"},
    {"one offset", file_of(entry("a", "F32", "[2]", "[8]")), "not two numbers"},
    {"three offsets", file_of(entry("a", "F32", "[2]", "[0,8,8]")), "not two numbers"},
    {"negative offset", file_of(entry("a", "F32", "[2]", "[-8,0]")), "not a size"},
    {"offsets reversed", file_of(entry("a", "F32", "[2]", "[8,0]")), "invalid offset"},
    {"a hole at the start", file_of(entry("a", "F32", "[1]", "[4,8]")), "invalid offset"},
    {"a hole between", file_of(entry("a", "U8", "[3]", "[0,3]") + "," + entry("b", "F32", "[1]", "[4,8]")), "invalid offset for tensor \"b\""},
    {"an overlap", file_of(kOk + "," + entry("b", "F32", "[1]", "[4,8]")), "invalid offset for tensor \"b\""},
    {"one place twice", file_of(kOk + "," + entry("b", "F32", "[2]", "[0,8]")), "invalid offset"},
    {"shape over the bytes", file_of(entry("a", "F32", "[3]", "[0,8]")), "invalid shape, dtype or offset"},
    {"shape under the bytes", file_of(entry("a", "F32", "[1]", "[0,8]")), "invalid shape, dtype or offset"},
    {"scalar with bytes of two", file_of(entry("a", "F32", "[]", "[0,8]")), "invalid shape, dtype or offset"},
    {"empty shape with bytes", file_of(entry("a", "F32", "[0]", "[0,8]")), "invalid shape, dtype or offset"},
    {"product overflows", file_of(entry("a", "F32", "[4294967296,4294967296]", "[0,8]")), "overflow"},
    {"bits overflow", file_of(entry("a", "F32", "[2305843009213693952]", "[0,8]")), "overflow"},
    {"dimension over 2^63", file_of(entry("a", "F32", "[0,9223372036854775808]", "[0,0]") , ""), "overflow"},
    {"overflow before the zero", file_of(entry("a", "U8", "[4294967296,4294967296,0]", "[0,0]"), ""), "overflow"},
    {"half a byte", file_of(entry("a", "F4", "[3]", "[0,2]"), "xx"), "ends inside a byte"},
    {"six bits", file_of(entry("a", "F6_E2M3", "[1]", "[0,1]"), "x"), "ends inside a byte"},
    {"one byte missing", file_of(kOk, std::string(7, 'x')), "truncated: 1 of 8 data bytes are missing, from tensor \"a\""},
    {"all data missing", file_of(kOk, ""), "truncated: 8 of 8"},
    {"one byte too many", file_of(kOk, std::string(9, 'x')), "1 bytes after the last tensor"},
    {"data without tensors", file_of("", "x"), "1 bytes after the last tensor"},
    {"metadata is a list", file_of("\"__metadata__\":[]," + kOk), "__metadata__ is not an object"},
    {"metadata holds a number", file_of("\"__metadata__\":{\"k\":1}," + kOk), "__metadata__ \"k\" is not a string"},
    {"a type we cannot use", file_of(entry("a", "F8_E4M3", "[8]", "[0,8]")), "type F8_E4M3, which is not supported", ErrorKind::kInput},
    {"u32 cannot be used", file_of(entry("a", "U32", "[2]", "[0,8]")), "type U32", ErrorKind::kInput},
  };
  return kBad;
}
// clang-format on

TEST(Safetensors, MalformedFilesAreRefused) {
  const TempDir dir;
  EXPECT_GE(bad_files().size(), 40u);
  for (const Bad& bad : bad_files()) {
    SCOPED_TRACE(bad.title);
    const std::string path = dir.write("m.safetensors", bad.bytes);
    const Error error = error_of([&] { SafetensorsFile{path}; });
    EXPECT_EQ(error.kind(), bad.kind) << error.what();
    EXPECT_EQ(error.where(), path);
    EXPECT_NE(std::string(error.what()).find(bad.what), std::string::npos) << error.what();
  }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TempDir dir;
  const std::string whole = test::slurp(VERNIER_SOURCE_DIR "/tests/golden/official.safetensors");
  ASSERT_GT(whole.size(), 100u);
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_EQ(error_of([&] { SafetensorsFile{dir.write("m", whole.substr(0, size))}; }).kind(), ErrorKind::kIntegrity)
        << size;
}

TEST(Safetensors, EveryFlippedHeaderByteIsReadOrRefused) {
  const TempDir dir;
  const std::string whole = test::slurp(VERNIER_SOURCE_DIR "/tests/golden/official.safetensors");
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const unsigned flip : {0x01u, 0x80u}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ flip);
      try {
        const SafetensorsFile file(dir.write("m", bytes));
        std::size_t total = 0;
        for (const SafeTensor& tensor : file.tensors())
          for (const char byte : tensor.bytes) total += static_cast<unsigned char>(byte);
        EXPECT_LT(total, 255 * whole.size());
      } catch (const Error&) {
        ++refused;
      }
    }
  EXPECT_GT(refused, 500);
}

TEST(Safetensors, AbsentIsAnInputError) {
  const TempDir dir;
  const Error error = error_of([&] { SafetensorsFile{dir / "none"}; });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(error.where(), dir / "none");
}

}  // namespace
}  // namespace vernier

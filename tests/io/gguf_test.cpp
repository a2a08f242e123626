#include "io/gguf.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "io/test_files.h"

namespace vernier {
namespace {

using test::error_of;
using test::GgufBuilder;
using test::raw;
using test::raw_all;
using test::TempDir;

std::string array(std::uint32_t type, std::uint64_t count, const std::string& bytes) {
  return raw(type) + raw(count) + bytes;
}

// One key of each value type, and tensors with and without blocks.
GgufBuilder small_file() {
  GgufBuilder file;
  file.add_text("general.architecture", "llama");
  file.values.push_back(GgufBuilder::value("u8", 0, raw(std::uint8_t{200})));
  file.values.push_back(GgufBuilder::value("i8", 1, raw(std::int8_t{-2})));
  file.values.push_back(GgufBuilder::value("u16", 2, raw(std::uint16_t{60000})));
  file.values.push_back(GgufBuilder::value("i16", 3, raw(std::int16_t{-3})));
  file.add_u32("u32", 4000000000u);
  file.values.push_back(GgufBuilder::value("i32", 5, raw(std::int32_t{-5})));
  file.add_f32("f32", 0.1f);
  file.values.push_back(GgufBuilder::value("flag", 7, raw(std::uint8_t{1})));
  file.values.push_back(GgufBuilder::value("u64", 10, raw(std::uint64_t{1} << 62)));
  file.values.push_back(GgufBuilder::value("u64big", 10, raw(~std::uint64_t{0})));
  file.values.push_back(GgufBuilder::value("i64", 11, raw(std::int64_t{-7})));
  file.values.push_back(GgufBuilder::value("f64", 12, raw(2.5)));
  file.values.push_back(GgufBuilder::value("words", 9, array(8, 2, GgufBuilder::text("é") + GgufBuilder::text(""))));
  file.values.push_back(GgufBuilder::value("scores", 9, array(6, 2, raw_all<float>({0.5f, -1.0f}))));
  file.values.push_back(GgufBuilder::value("types", 9, array(5, 3, raw_all<std::int32_t>({1, -2, 3}))));
  file.values.push_back(GgufBuilder::value("bytes", 9, array(0, 2, std::string("\x01\xff"))));
  file.values.push_back(GgufBuilder::value("flags", 9, array(7, 2, std::string("\x01\0", 2))));
  file.values.push_back(GgufBuilder::value("none", 9, array(4, 0, "")));
  file.tensors.push_back({"a", {3, 2}, 0, raw_all<float>({1, 2, 3, 4, 5, 6})});
  file.tensors.push_back({"b", {32}, 8, std::string(34, 'q')});
  file.tensors.push_back({"c", {2, 2}, 1, std::string(8, 'h')});
  return file;
}

TEST(Gguf, ReadsEveryKindOfValue) {
  for (const std::uint32_t version : {2u, 3u}) {
    const TempDir dir;
    GgufBuilder builder = small_file();
    builder.version = version;
    const GgufFile file(dir.write("m.gguf", builder.build()));
    EXPECT_EQ(file.text("general.architecture"), "llama");
    EXPECT_EQ(file.integer("u8"), 200);
    EXPECT_EQ(file.integer("i8"), -2);
    EXPECT_EQ(file.integer("u16"), 60000);
    EXPECT_EQ(file.integer("i16"), -3);
    EXPECT_EQ(file.integer("u32"), 4000000000);
    EXPECT_EQ(file.integer("i32"), -5);
    EXPECT_EQ(file.integer("u64"), std::int64_t{1} << 62);
    EXPECT_EQ(file.integer("i64"), -7);
    EXPECT_EQ(file.number("f32"), double{0.1f});
    EXPECT_EQ(file.number("f64"), 2.5);
    EXPECT_EQ(file.number("u8"), 200.0);
    EXPECT_EQ(file.boolean("flag"), true);
    EXPECT_EQ(file.texts("words"), (std::vector<std::string>{"é", ""}));
    EXPECT_EQ(file.numbers("scores"), (std::vector<double>{0.5, -1.0}));
    EXPECT_EQ(file.integers("types"), (std::vector<std::int64_t>{1, -2, 3}));
    EXPECT_EQ(file.integers("bytes"), (std::vector<std::int64_t>{1, 255}));
    EXPECT_EQ(file.integers("flags"), (std::vector<std::int64_t>{1, 0}));
    EXPECT_EQ(file.integers("none"), std::vector<std::int64_t>());
    EXPECT_FALSE(file.has("absent"));
    EXPECT_EQ(file.text("absent"), std::nullopt);
    EXPECT_EQ(file.texts("absent"), std::nullopt);
  }
}

TEST(Gguf, AnotherKindNamesTheKey) {
  const TempDir dir;
  const GgufFile file(dir.write("m.gguf", small_file().build()));
  const std::vector<std::function<void()>> wrong = {[&] { file.text("u8"); },        [&] { file.integer("f32"); },
                                                    [&] { file.integer("u64big"); }, [&] { file.number("flag"); },
                                                    [&] { file.boolean("u8"); },     [&] { file.texts("scores"); },
                                                    [&] { file.numbers("types"); },  [&] { file.integers("words"); }};
  for (const auto& ask : wrong) {
    const Error error = error_of(ask);
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_EQ(error.where(), file.path());
    EXPECT_NE(std::string(error.what()).find("metadata key \""), std::string::npos);
  }
}

TEST(Gguf, TensorsAreRowMajorAndAligned) {
  const TempDir dir;
  GgufBuilder builder = small_file();
  for (const std::uint32_t alignment : {32u, 64u, 1u}) {
    builder.alignment = alignment;
    GgufBuilder with = builder;
    if (alignment != 32) with.add_u32("general.alignment", alignment);
    const GgufFile file(dir.write("m.gguf", with.build()));
    ASSERT_EQ(file.tensors().size(), 3u);
    EXPECT_EQ(file.tensors()[0].shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(file.tensors()[0].bytes, raw_all<float>({1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(file.find("b")->type, GgmlType::kQ8_0);
    EXPECT_EQ(file.find("b")->bytes, std::string(34, 'q'));
    EXPECT_EQ(file.find("c")->bytes, std::string(8, 'h'));
    EXPECT_EQ(file.find("d"), nullptr);
    file.release(file.find("b")->bytes);
  }
}

struct Bad {
  const char* title;
  std::function<void(GgufBuilder&)> damage;
  const char* what;
  ErrorKind kind = ErrorKind::kIntegrity;
};

std::function<void(GgufBuilder&)> with_value(std::uint32_t type, const std::string& bytes) {
  return [=](GgufBuilder& file) {
    file.tensors.clear();
    file.values = {GgufBuilder::value("k", type, bytes)};
  };
}

std::function<void(GgufBuilder&)> with_type(std::uint32_t type) {
  return [=](GgufBuilder& file) { file.tensors[0].type = type; };
}

// clang-format off
const std::vector<Bad>& bad_files() {
  constexpr auto kInput = ErrorKind::kInput;
  constexpr std::uint64_t kHuge = ~std::uint64_t{0};
  static const std::vector<Bad> kBad = {
    {"another magic", [](auto& f) { f.magic = "GGML"; }, "not a GGUF file", kInput},
    {"text", [](auto& f) { f.magic = "<!DOCTYPE html>"; }, "not a GGUF file", kInput},
    {"version 0", [](auto& f) { f.version = 0; }, "version 0 is not supported", kInput},
    {"version 1", [](auto& f) { f.version = 1; }, "version 1 is not supported", kInput},
    {"version 4", [](auto& f) { f.version = 4; }, "version 4 is not supported", kInput},
    {"big-endian", [](auto& f) { f.version = 0x03000000; }, "big-endian", kInput},
    {"2^64-1 tensors", [=](auto& f) { f.tensor_count = kHuge; }, "the number of tensors"},
    {"2^32 tensors", [](auto& f) { f.tensor_count = std::uint64_t{1} << 32; }, "the number of tensors"},
    {"one tensor too many", [](auto& f) { f.tensors.clear(); f.tensor_count = 1; }, "truncated"},
    {"2^64-1 keys", [=](auto& f) { f.value_count = kHuge; }, "the number of metadata keys"},
    {"2^40 keys", [](auto& f) { f.value_count = std::uint64_t{1} << 40; }, "the number of metadata keys"},
    {"empty key", [](auto& f) { f.add_u32("", 1); }, "key is empty"},
    {"key twice", [](auto& f) { f.add_u32("u8", 1); }, "duplicate metadata key \"u8\""},
    {"key of 2^64-1 bytes", [=](auto& f) { f.tensors.clear(); f.values = {raw(kHuge) + std::string(20, 'k')}; }, "truncated: a metadata key"},
    {"key not UTF-8", [](auto& f) { f.add_u32("\xff", 1); }, "not UTF-8"},
    {"value type 13", with_value(13, std::string(16, '\0')), "unknown value type 13"},
    {"value type 2^32-1", with_value(0xFFFFFFFF, std::string(16, '\0')), "unknown value type"},
    {"string of 2^63 bytes", with_value(8, raw(std::uint64_t{1} << 63) + "x"), "truncated: a string value"},
    {"string one byte short", with_value(8, raw(std::uint64_t{3}) + "xy"), "truncated"},
    {"string not UTF-8", with_value(8, GgufBuilder::text("\xc3(")), "not UTF-8"},
    {"boolean 2", with_value(7, raw(std::uint8_t{2}) + "xxxxxxxxx"), "a boolean is 2"},
    {"u64 cut", with_value(10, "xxxx"), "truncated"},
    {"array of arrays", with_value(9, array(9, 1, array(4, 1, "xxxx"))), "unknown or nested type 9"},
    {"array of type 77", with_value(9, array(77, 1, "xxxx")), "unknown or nested type 77"},
    {"array of 2^64-1 bytes", with_value(9, array(0, kHuge, "x")), "an array's length"},
    {"array of 2^61 u64", with_value(9, array(10, std::uint64_t{1} << 61, "xxxxxxxx")), "an array's length"},
    {"array of 2^60 strings", with_value(9, array(8, std::uint64_t{1} << 60, std::string(64, '\0'))), "an array's length"},
    {"array one element short", with_value(9, array(5, 3, std::string(8, '\0'))), "an array's length"},
    {"array string past the end", with_value(9, array(8, 1, raw(std::uint64_t{9}) + "x")), "truncated"},
    {"array string not UTF-8", with_value(9, array(8, 1, GgufBuilder::text("\xfe"))), "not UTF-8"},
    {"array boolean 7", with_value(9, array(7, 1, "\x07")), "a boolean is 7"},
    {"array of a too large u64", with_value(9, array(10, 1, raw(kHuge))), "too large"},
    {"alignment 0", [](auto& f) { f.add_u32("general.alignment", 0); }, "not a power of two"},
    {"alignment 24", [](auto& f) { f.add_u32("general.alignment", 24); }, "not a power of two"},
    {"alignment is text", [](auto& f) { f.add_text("general.alignment", "32"); }, "not a power of two"},
    {"alignment over the file", [](auto& f) { f.add_u32("general.alignment", 0x80000000u); }, "truncated"},
    {"alignment 2^62", [](auto& f) { f.values.push_back(GgufBuilder::value("general.alignment", 11, raw(std::int64_t{1} << 62))); }, "truncated"},
    {"tensor name empty", [](auto& f) { f.tensors[0].name = ""; }, "has 0 bytes"},
    {"tensor name of 64 bytes", [](auto& f) { f.tensors[0].name = std::string(64, 'n'); }, "has 64 bytes"},
    {"tensor twice", [](auto& f) { f.tensors[1].name = "a"; }, "duplicate tensor \"a\""},
    {"five dimensions", [](auto& f) { f.tensors[0].dimensions = {1, 1, 1, 1, 6}; }, "5 dimensions"},
    {"2^32-1 dimensions", [](auto& f) { f.tensors[0].dimension_count = 0xFFFFFFFF; }, "4294967295 dimensions"},
    {"dimension 0", [](auto& f) { f.tensors[0].dimensions = {0, 2}; }, "a dimension of 0"},
    {"dimension -1", [](auto& f) { f.tensors[0].dimensions = {3, -1}; }, "a dimension of -1"},
    {"count overflows", [](auto& f) { f.tensors[0].dimensions = {std::int64_t{1} << 32, std::int64_t{1} << 32}; }, "overflows"},
    {"bytes overflow", [](auto& f) { f.tensors[0].dimensions = {std::int64_t{1} << 62}; }, "overflows"},
    {"row that is no block", [](auto& f) { f.tensors[1].dimensions = {16, 2}; }, "not a multiple of its block"},
    {"Q4_K", with_type(12), "tensor \"a\" has type Q4_K", kInput},
    {"Q6_K", with_type(14), "type Q6_K", kInput},
    {"I32", with_type(26), "type I32", kInput},
    {"Q4_2, long gone", with_type(4), "type number 4", kInput},
    {"type 999", with_type(999), "type number 999", kInput},
    {"offset not aligned", [](auto& f) { f.tensors[1].offset = 33; }, "offset 33, expected 32"},
    {"offset with a hole", [](auto& f) { f.tensors[1].offset = 64; }, "offset 64, expected 32"},
    {"offset of another tensor", [](auto& f) { f.tensors[1].offset = 0; }, "offset 0, expected 32"},
    {"offset 2^64-32", [=](auto& f) { f.tensors[1].offset = kHuge - 31; }, "expected 32"},
    {"first offset not 0", [](auto& f) { f.tensors[0].offset = 32; }, "offset 32, expected 0"},
    {"data one byte short", [](auto& f) { f.tensors[2].data.pop_back(); }, "truncated: tensor \"c\" needs 8 bytes"},
    {"tensor larger than the file", [](auto& f) { f.tensors[2].dimensions = {2, 1 << 20}; }, "truncated: tensor \"c\""},
  };
  return kBad;
}
// clang-format on

TEST(Gguf, MalformedFilesAreRefused) {
  const TempDir dir;
  EXPECT_GE(bad_files().size(), 40u);
  for (const Bad& bad : bad_files()) {
    SCOPED_TRACE(bad.title);
    GgufBuilder builder = small_file();
    bad.damage(builder);
    const std::string path = dir.write("m.gguf", builder.build());
    const Error error = error_of([&] { GgufFile{path}; });
    EXPECT_EQ(error.kind(), bad.kind) << error.what();
    EXPECT_EQ(error.where(), path);
    EXPECT_NE(std::string(error.what()).find(bad.what), std::string::npos) << error.what();
  }
}

TEST(Gguf, EveryTruncationIsRefused) {
  const TempDir dir;
  const std::string whole = small_file().build();
  EXPECT_NO_THROW(GgufFile(dir.write("m", whole)));
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_EQ(error_of([&] { GgufFile{dir.write("m", whole.substr(0, size))}; }).kind(), ErrorKind::kIntegrity) << size;
}

TEST(Gguf, EveryFlippedByteIsReadOrRefused) {
  const TempDir dir;
  const std::string whole = small_file().build();
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const unsigned flip : {0x01u, 0x80u}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ flip);
      try {
        const GgufFile file(dir.write("m", bytes));
        for (const GgufTensor& tensor : file.tensors()) {
          std::int64_t count = 1;
          for (const std::int64_t dimension : tensor.shape) count *= dimension;
          std::vector<float> values(static_cast<std::size_t>(count));
          ggml_dequantize(tensor.type, tensor.bytes.data(), count, values.data());
        }
      } catch (const Error&) {
        ++refused;
      }
    }
  EXPECT_GT(refused, 500);
}

TEST(Gguf, AbsentIsAnInputError) {
  const TempDir dir;
  EXPECT_EQ(error_of([&] { GgufFile{dir / "none.gguf"}; }).kind(), ErrorKind::kInput);
}

}  // namespace
}  // namespace vernier

#include <gtest/gtest.h>

#include <filesystem>

#include "io/safetensors.h"
#include "io/test_files.h"
#include "support/skips.h"

namespace vernier {
namespace {

using test::TempDir;

std::string counting_bytes(const SafetensorsWriter::Declared& tensor) {
  std::size_t size = dtype_bytes(tensor.dtype);
  for (const std::int64_t dimension : tensor.shape) size *= static_cast<std::size_t>(dimension);
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

std::vector<SafetensorsWriter::Declared> one_of_each() {
  return {{"t_float32", Dtype::kF32, {2, 2}},
          {"t_bool", Dtype::kBool, {2}},
          {"t_uint8", Dtype::kU8, {3}},
          {"t_int8", Dtype::kI8, {1, 5}},
          {"t_int16", Dtype::kI16, {2}},
          {"t_float16", Dtype::kF16, {3}},
          {"t_bfloat16", Dtype::kBF16, {2, 1}},
          {"t_int32", Dtype::kI32, {1}},
          {"t_float64", Dtype::kF64, {}},
          {"t_int64", Dtype::kI64, {0, 4}},
          {"a second f32 \"\\\n\u00e9", Dtype::kF32, {1}}};
}

TEST(SafetensorsWriter, GivesTheOfficialWritersBytes) {
  const TempDir dir;
  SafetensorsWriter writer(dir / "out", one_of_each());
  for (const auto& tensor : writer.order()) writer.write(counting_bytes(tensor));
  writer.finish();
  EXPECT_EQ(test::slurp(dir / "out"), test::slurp(VERNIER_SOURCE_DIR "/tests/golden/official.safetensors"));
}

TEST(SafetensorsWriter, RoundTripsInPieces) {
  const TempDir dir;
  SafetensorsWriter writer(dir / "out", one_of_each(), {{"note", "x\ny"}});
  for (const auto& tensor : writer.order())
    for (const char byte : counting_bytes(tensor)) writer.write(std::string_view(&byte, 1));
  writer.finish();
  const SafetensorsFile file(dir / "out");
  EXPECT_EQ(file.tensors().size(), one_of_each().size());
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.metadata().at("note"), "x\ny");
  for (const auto& declared : one_of_each()) {
    const SafeTensor& tensor = file.at(declared.name);
    EXPECT_EQ(tensor.dtype, declared.dtype);
    EXPECT_EQ(tensor.shape, declared.shape);
    EXPECT_EQ(tensor.bytes, counting_bytes(declared));
  }
}

TEST(SafetensorsWriter, NoTensorsIsAFile) {
  const TempDir dir;
  SafetensorsWriter writer(dir / "out", {});
  writer.finish();
  EXPECT_TRUE(SafetensorsFile(dir / "out").tensors().empty());
}

TEST(SafetensorsWriter, AnUnfinishedFileGoesAway) {
  const TempDir dir;
  {
    SafetensorsWriter writer(dir / "out", {{"a", Dtype::kF32, {4}}});
    writer.write("1234");
    EXPECT_TRUE(std::filesystem::exists(dir / "out"));
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "out"));
}

TEST(SafetensorsWriter, AFullDiskNamesTheMissingBytes) {
  if (!std::filesystem::exists("/dev/full")) SKIP_MACHINE_LACKS("/dev/full");
  const Error error = test::error_of([] { SafetensorsWriter("/dev/full", {{"a", Dtype::kF32, {1000}}}); });
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_EQ(error.where(), "/dev/full");
  EXPECT_EQ(std::string(error.what()), "the disk is full: 4104 of 4104 bytes could not be written");
  EXPECT_TRUE(std::filesystem::exists("/dev/full"));
}

TEST(SafetensorsWriter, AnUnwritablePathIsAnInputError) {
  const TempDir dir;
  for (const std::string& path : {dir.str(), dir / "none/out"}) {
    const Error error = test::error_of([&] { SafetensorsWriter(path, {}); });
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_EQ(error.where(), path);
  }
}

TEST(SafetensorsWriterDeathTest, SizesMustAddUp) {
  // A copy of this process dies, not one that began anew: that would leave a folder of its own.
  testing::FLAGS_gtest_death_test_style = "fast";
  const TempDir dir;
  SafetensorsWriter writer(dir / "out", {{"a", Dtype::kF32, {1}}});
  EXPECT_DEATH(writer.write("12345"), "more bytes than the declared tensor");
  EXPECT_DEATH(writer.finish(), "before every declared tensor was written");
}

}  // namespace
}  // namespace vernier

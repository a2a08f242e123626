#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "io/gguf.h"
#include "io/json.h"

namespace vernier {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

// tests/golden/scripts/gen_ggml_blocks.py: values by the gguf package.
TEST(GgmlBlocks, EveryTypeGivesTheReferencesBits) {
  const Json golden = read_json_file(VERNIER_SOURCE_DIR "/tests/golden/ggml_blocks.json");
  ASSERT_EQ(golden.size(), 8u);
  for (const auto& [name, item] : golden.items()) {
    SCOPED_TRACE(name);
    const auto type = static_cast<GgmlType>(item["type"].get<std::uint32_t>());
    const std::string blocks = from_hex(item["blocks"]), expected = from_hex(item["values"]);
    const GgmlBlock block = ggml_block(type);
    const std::size_t count = blocks.size() / block.bytes * static_cast<std::size_t>(block.elements);
    ASSERT_EQ(expected.size(), count * sizeof(float));
    std::vector<float> values(count);
    ggml_dequantize(type, blocks.data(), static_cast<std::int64_t>(count), values.data());
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, expected.data() + i * sizeof bits, sizeof bits);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), bits) << "element " << i;
    }
  }
}

TEST(GgmlBlocksDeathTest, PartOfABlockIsRefused) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  std::vector<float> out(32);
  const std::string block(34, '\0');
  EXPECT_DEATH(ggml_dequantize(GgmlType::kQ8_0, block.data(), 31, out.data()), "not a multiple of the block");
}

}  // namespace
}  // namespace vernier

#include "base/hash.h"

#include <gtest/gtest.h>

#include <utility>

namespace vernier {
namespace {

// FIPS 180-4 examples.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheBytesArrive) {
  const std::string text = "The quick brown fox jumps over the lazy dog, sixty-four bytes and some more of them.";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Sha256 hash;
    hash.update(std::string_view(text).substr(0, cut));
    hash.update(std::string_view(text).substr(cut));
    EXPECT_EQ(hash.finish(), sha256_hex(text));
  }
}

TEST(Sha256, MovesWithItsState) {
  Sha256 first;
  first.update("ab");
  Sha256 second = std::move(first);
  second.update("c");
  EXPECT_EQ(second.finish(), sha256_hex("abc"));
}

// The values that xxHash's own command line prints (xxhsum -H3).
TEST(Xxh3, KnownAnswers) {
  EXPECT_EQ(xxh3_64(""), 0x2D06800538D394C2u);
  EXPECT_EQ(xxh3_64("a"), 0xE6C632B61E964E1Fu);
  EXPECT_EQ(xxh3_64("abc"), 0x78AF5F94892F3950u);
}

TEST(Xxh3, SeesEveryByte) {
  std::string bytes(3000, '\0');
  const std::uint64_t whole = xxh3_64(bytes);
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    bytes[i] = 1;
    EXPECT_NE(xxh3_64(bytes), whole) << i;
    bytes[i] = 0;
  }
}

}  // namespace
}  // namespace vernier

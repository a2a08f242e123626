#pragma once
// Code points as Hugging Face's tokenizers see them: UTF-8 in and out, character classes from its own tables, and NFC
// of Unicode 9, which is the version its normalizer stopped at.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vernier {

struct CodePoint {
  char32_t value;
  unsigned bytes;
};

// The code point at `at`. Preconditions: `text` is UTF-8, `at` is the first byte of a character.
inline CodePoint decode_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

// The character that ends before `end`. Preconditions: `text` is UTF-8, `end` > 0 is a character's boundary.
CodePoint decode_utf8_before(std::string_view text, std::size_t end);

void append_utf8(std::string& out, char32_t code_point);

// `text` with U+FFFD for each maximal part of an ill-formed sequence (Unicode 3.9, "substitution of maximal subparts"),
// as Python's and Rust's lossy decoders do.
std::string replace_invalid_utf8(std::string_view text);

class UnicodeClasses {
 public:
  enum Class : std::uint8_t { kLetter = 1, kNumber = 2, kSpace = 4, kNumeric = 8, kWord = 16 };

  UnicodeClasses();

  // The classes of a code point, as bits.
  std::uint8_t of(char32_t code_point) const {
    return pages_[page_of_[code_point >> kPageBits]][code_point & (kPageSize - 1)];
  }
  bool is(char32_t code_point, unsigned classes) const { return (of(code_point) & classes) != 0; }

 private:
  static constexpr unsigned kPageBits = 8;
  static constexpr std::size_t kPageSize = std::size_t{1} << kPageBits;
  using Page = std::array<std::uint8_t, kPageSize>;

  std::vector<Page> pages_;
  std::vector<std::uint16_t> page_of_;
};

// NFC restricted to the characters of Unicode 9.
class Nfc {
 public:
  Nfc();
  ~Nfc();
  Nfc(Nfc&&) noexcept;

  // Precondition: `text` is UTF-8.
  std::string normalize(std::string_view text) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernier

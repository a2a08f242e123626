#include "data/unicode.h"

#include <algorithm>
#include <map>
#include <span>

#include "base/text.h"
#include "data/unicode_tables.h"

namespace vernier {
namespace {

constexpr std::size_t kCodePoints = 0x110000;

// Bytes of the well-formed sequence at the head of `rest`, or 0; then `bad` is the length of the maximal part that a
// decoder replaces by one U+FFFD.
std::size_t well_formed(std::string_view rest, std::size_t& bad) {
  const auto byte = [&](std::size_t i) { return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  bad = 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (bad = 2; bad < length; ++bad)
    if ((byte(bad) & 0xC0) != 0x80) return 0;
  return length;
}

}  // namespace

CodePoint decode_utf8_before(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return decode_utf8(text, at);
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

std::string replace_invalid_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t bad = 0;
    const std::size_t good = well_formed(text.substr(at), bad);
    if (good > 0) {
      out.append(text.substr(at, good));
      at += good;
    } else {
      append_utf8(out, 0xFFFD);
      at += bad;
    }
  }
  return out;
}

UnicodeClasses::UnicodeClasses() {
  std::vector<std::uint8_t> flat(kCodePoints, 0);
  const auto mark = [&](std::span<const std::uint32_t> ranges, Class bit) {
    for (std::size_t i = 0; i + 1 < ranges.size(); i += 2)
      for (std::uint32_t point = ranges[i]; point <= ranges[i + 1]; ++point)
        flat[point] = static_cast<std::uint8_t>(flat[point] | bit);
  };
  mark(unicode_tables::letter(), kLetter);
  mark(unicode_tables::number(), kNumber);
  mark(unicode_tables::space(), kSpace);
  mark(unicode_tables::numeric(), kNumeric);
  mark(unicode_tables::word(), kWord);

  std::map<Page, std::uint16_t> known;
  for (std::size_t start = 0; start < kCodePoints; start += kPageSize) {
    Page page;
    std::copy_n(flat.begin() + static_cast<std::ptrdiff_t>(start), kPageSize, page.begin());
    const auto [place, is_new] = known.emplace(page, static_cast<std::uint16_t>(pages_.size()));
    if (is_new) pages_.push_back(page);
    page_of_.push_back(place->second);
  }
}

}  // namespace vernier

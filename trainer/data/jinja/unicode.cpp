#include "data/jinja/unicode.h"

#include <unicode/uchar.h>
#include <unicode/ustring.h>

#include <functional>
#include <vector>

namespace vernier::jinja {
namespace {

using CaseMap = std::function<std::int32_t(UChar*, std::int32_t, const UChar*, std::int32_t, UErrorCode*)>;

std::u16string to_utf16(std::u32string_view text) {
  std::u16string out;
  for (const char32_t c : text) {
    if (c < 0x10000) {
      out.push_back(static_cast<char16_t>(c));
    } else {
      out.push_back(static_cast<char16_t>(U16_LEAD(c)));
      out.push_back(static_cast<char16_t>(U16_TRAIL(c)));
    }
  }
  return out;
}

std::string from_utf16(std::u16string_view text) {
  std::string out;
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t i = 0; i < size;) {
    UChar32 c = 0;
    U16_NEXT(text.data(), i, size, c);
    append_utf8(out, static_cast<char32_t>(c));
  }
  return out;
}

// The locale-free full mapping of `text`, which at most triples it.
std::string map_case(std::u32string_view text, const CaseMap& map) {
  const std::u16string in = to_utf16(text);
  std::u16string out(in.size() * 3 + 3, u'\0');
  UErrorCode status = U_ZERO_ERROR;
  const std::int32_t size =
      map(out.data(), static_cast<std::int32_t>(out.size()), in.data(), static_cast<std::int32_t>(in.size()), &status);
  return from_utf16(std::u16string_view(out).substr(0, static_cast<std::size_t>(size)));
}

std::int32_t upper_map(UChar* to, std::int32_t room, const UChar* from, std::int32_t size, UErrorCode* status) {
  return u_strToUpper(to, room, from, size, "", status);
}
std::int32_t lower_map(UChar* to, std::int32_t room, const UChar* from, std::int32_t size, UErrorCode* status) {
  return u_strToLower(to, room, from, size, "", status);
}
std::int32_t title_map(UChar* to, std::int32_t room, const UChar* from, std::int32_t size, UErrorCode* status) {
  return u_strToTitle(to, room, from, size, nullptr, "", status);
}

constexpr char32_t kCapitalSigma = 0x3A3;

// Unicode's Final_Sigma: a cased letter before, none behind, case-ignorable ones passed over.
bool final_sigma(std::u32string_view text, std::size_t at) {
  const auto ignorable = [&](std::size_t i) {
    return u_hasBinaryProperty(static_cast<UChar32>(text[i]), UCHAR_CASE_IGNORABLE);
  };
  std::size_t before = at;
  while (before > 0 && ignorable(before - 1)) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  std::size_t behind = at + 1;
  while (behind < text.size() && ignorable(behind)) ++behind;
  return behind == text.size() || !is_cased(text[behind]);
}

// One letter inside a text that is titlecased or capitalized.
std::string lower_at(std::u32string_view text, std::size_t at) {
  if (text[at] == kCapitalSigma) return final_sigma(text, at) ? "\xCF\x82" : "\xCF\x83";
  return map_case(text.substr(at, 1), lower_map);
}

bool plain_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

}  // namespace

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  return count;
}

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(at);
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t c = size == 1 ? first : first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) c = (c << 6U) | (byte(at + i) & 0x3FU);
  at = std::min(at + size, text.size());
  return c;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) out.push_back(next_code_point(text, at));
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0U | (c >> 6U));
    put(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    put(0xE0U | (c >> 12U));
    put(0x80U | ((c >> 6U) & 0x3FU));
    put(0x80U | (c & 0x3FU));
  } else {
    put(0xF0U | (c >> 18U));
    put(0x80U | ((c >> 12U) & 0x3FU));
    put(0x80U | ((c >> 6U) & 0x3FU));
    put(0x80U | (c & 0x3FU));
  }
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) append_utf8(out, c);
  return out;
}

bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  const std::uint32_t hidden = U_GC_C_MASK | U_GC_Z_MASK;
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & hidden) == 0;
}

bool is_alpha(char32_t c) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_L_MASK) != 0;
}

bool is_digit(char32_t c) {
  const auto type = u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}

bool is_decimal(char32_t c, int& value) {
  if (u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE) != U_NT_DECIMAL) return false;
  value = u_charDigitValue(static_cast<UChar32>(c));
  return true;
}

bool is_upper(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_UPPERCASE) != 0;
}
bool is_lower(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_LOWERCASE) != 0;
}
bool is_cased(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASED) != 0;
}

bool is_word(char32_t c) {
  return c == '_' || is_alpha(c) || u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE) != U_NT_NONE;
}

bool is_identifier(std::string_view name) {
  const std::u32string text = decode_utf8(name);
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<UChar32>(text[i]);
    if (c == '_' || (i == 0 ? u_hasBinaryProperty(c, UCHAR_XID_START) : u_hasBinaryProperty(c, UCHAR_XID_CONTINUE)))
      continue;
    return false;
  }
  return true;
}

std::int32_t character_by_name(const std::string& name) {
  UErrorCode status = U_ZERO_ERROR;
  const UChar32 c = u_charFromName(U_EXTENDED_CHAR_NAME, name.c_str(), &status);
  return U_SUCCESS(status) ? c : -1;
}

std::string to_upper(std::string_view text) {
  if (!plain_ascii(text)) return map_case(decode_utf8(text), upper_map);
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return out;
}

std::string to_lower(std::string_view text) {
  if (!plain_ascii(text)) return map_case(decode_utf8(text), lower_map);
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string to_title(std::string_view text) {
  const std::u32string letters = decode_utf8(text);
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    out += inside ? lower_at(letters, i) : map_case(std::u32string_view(letters).substr(i, 1), title_map);
    inside = is_cased(letters[i]);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  const std::u32string letters = decode_utf8(text);
  if (letters.empty()) return "";
  std::string out = map_case(std::u32string_view(letters).substr(0, 1), title_map);
  for (std::size_t i = 1; i < letters.size(); ++i) out += lower_at(letters, i);
  return out;
}

std::string_view strip(std::string_view text, const std::string* chars, bool left, bool right) {
  const std::u32string set = chars != nullptr ? decode_utf8(*chars) : U"";
  const auto stripped = [&](char32_t c) {
    return chars != nullptr ? set.find(c) != std::u32string::npos : is_space(c);
  };
  while (left && !text.empty()) {
    std::size_t at = 0;
    if (!stripped(next_code_point(text, at))) break;
    text.remove_prefix(at);
  }
  while (right && !text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) --start;
    std::size_t at = start;
    if (!stripped(next_code_point(text, at))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

}  // namespace vernier::jinja

#pragma once
// Text as Python sees it: code points, str.isspace, str.upper and its kin, str.isprintable. Casing and categories come
// from ICU.

#include <cstdint>
#include <string>
#include <string_view>

namespace vernier::jinja {

// Number of code points of well-formed UTF-8.
std::size_t code_points(std::string_view text);
std::u32string decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view text);
void append_utf8(std::string& out, char32_t c);
// The code point that starts at text[at]; `at` moves behind it. Precondition: at < size.
char32_t next_code_point(std::string_view text, std::size_t& at);

bool is_space(char32_t c);      // str.isspace
bool is_printable(char32_t c);  // str.isprintable
bool is_alpha(char32_t c);
bool is_digit(char32_t c);
bool is_decimal(char32_t c, int& value);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_cased(char32_t c);
bool is_word(char32_t c);  // \w of Python's re
// Whether `name` is a Python identifier.
bool is_identifier(std::string_view name);
// The character of a Unicode name, or -1.
std::int32_t character_by_name(const std::string& name);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);    // str.title
std::string capitalize(std::string_view text);  // str.capitalize

// str.strip and its one-sided forms; no `chars`: white space.
std::string_view strip(std::string_view text, const std::string* chars, bool left, bool right);

}  // namespace vernier::jinja

#pragma once
// Small text helpers used by every room: concatenation, numbers as the outputs write them, the nearest known name.

#include <concepts>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace vernier {

// str("row ", 57, " of ", path): every part through operator<<. Throws std::bad_alloc rather than give a part of it.
template <typename... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);
  (out << ... << parts);
  return out.str();
}

// Nine significant digits (%.9g): enough to give any f32 back exactly. NaN and Inf as "NaN", "Infinity", "-Infinity".
std::string format_float(double value);

// 1536 -> "1.5 KiB", 2147483648 -> "2.0 GiB".
std::string format_bytes(std::uint64_t bytes);

// 1, "row" -> "1 row"; 24, "row" -> "24 rows".
template <std::integral Count>
std::string count_of(Count count, std::string_view noun) {
  return str(count, " ", noun, count == 1 ? "" : "s");
}

// 93 -> "1m 33s", 7325 -> "2h 02m".
std::string format_duration(double seconds);

std::string join(std::span<const std::string> parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);
std::string trim(std::string_view text);
bool starts_with(std::string_view text, std::string_view prefix);
bool ends_with(std::string_view text, std::string_view suffix);

// The candidate with the smallest edit distance (Levenshtein), or "" when none is within max(2, a third of its length).
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

// True when `text` is well-formed UTF-8 (RFC 3629).
bool is_utf8(std::string_view text);

}  // namespace vernier

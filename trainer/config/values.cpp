#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <system_error>

#include "base/check.h"

namespace vernier {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes out a leading plus sign; nothing when a character has no place in a number.
std::optional<std::string> plain_digits(std::string_view text) {
  const bool plus = text.starts_with('+');
  if (plus) text.remove_prefix(1);
  if (text.empty() || (plus && !is_digit(text.front()) && text.front() != '.')) return std::nullopt;
  const auto belongs = [](char c) {
    return is_digit(c) || std::string_view("+-.eE").find(c) != std::string_view::npos;
  };
  if (!std::all_of(text.begin(), text.end(), belongs)) return std::nullopt;
  return std::string(text);
}

template <typename Number>
std::optional<Number> convert(const std::string& plain) {
  Number value{};
  const char* end = plain.data() + plain.size();
  const auto [stop, error] = std::from_chars(plain.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

bool is_plain_text(std::string_view text) {
  if (text.empty()) return false;
  const auto inside = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_./-+@").find(c) != std::string_view::npos;
  };
  if (!std::all_of(text.begin(), text.end(), inside)) return false;
  if (std::string_view("-+@").find(text.front()) != std::string_view::npos) return false;
  if (parse_bool(text) || parse_number(text)) return false;
  const std::string lower = lower_case(text);
  // Words that YAML 1.1 readers (PyYAML among them) turn into something else.
  static constexpr std::array<std::string_view, 6> kWords = {"null", ".nan", ".inf", "y", "n", "..."};
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end() && !is_digit(text.front());
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::optional<bool> parse_bool(std::string_view text) {
  const std::string lower = lower_case(text);
  if (lower == "true" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "no" || lower == "off") return false;
  return std::nullopt;
}

std::optional<double> parse_number(std::string_view text) {
  const auto plain = plain_digits(text);
  if (!plain) return std::nullopt;
  const auto value = convert<double>(*plain);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const auto plain = plain_digits(text);
  if (!plain) return std::nullopt;
  if (const auto whole = convert<std::int64_t>(*plain)) return whole;
  const auto value = parse_number(text);
  constexpr double kExactBelow = 9007199254740992.0;
  if (!value || *value != std::floor(*value) || std::fabs(*value) >= kExactBelow) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  const std::size_t unit_begin = text.find_first_not_of("0123456789.");
  if (unit_begin == 0 || unit_begin == std::string_view::npos) return std::nullopt;
  const auto count = parse_number(text.substr(0, unit_begin));
  std::string unit(text.substr(unit_begin));
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
  if (!unit.empty() && unit.front() == ' ') unit.erase(0, 1);
  constexpr std::string_view kPrefixes = "kmgt";
  const std::size_t power = unit == "b" ? 0 : kPrefixes.find(unit.front()) + 1;
  const bool binary = unit.size() == 3 && unit.substr(1) == "ib", decimal = unit.size() == 2 && unit[1] == 'b';
  if (!count || (unit != "b" && (power == 0 || (!binary && !decimal)))) return std::nullopt;
  const double bytes = *count * std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power));
  constexpr double kMost = 1e18;
  if (!(bytes >= 0) || bytes > kMost) return std::nullopt;
  return static_cast<std::int64_t>(bytes);
}

std::optional<double> parse_duration(std::string_view text) {
  constexpr std::string_view kUnits = "dhms";
  constexpr std::array<double, 4> kSeconds = {86400, 3600, 60, 1};
  double total = 0;
  for (std::size_t largest = 0; !text.empty();) {
    const std::size_t digits = text.find_first_not_of("0123456789.");
    if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
    const auto count = parse_number(text.substr(0, digits));
    const std::size_t unit = kUnits.find(lower_case(text.substr(digits, 1)));
    if (!count || unit == std::string_view::npos || unit < largest) return std::nullopt;
    total += *count * kSeconds[unit];
    largest = unit + 1;
    text.remove_prefix(digits + 1);
  }
  constexpr double kMost = 1e9;
  return total > 0 && total <= kMost ? std::optional(total) : std::nullopt;
}

std::string number_text(double value) {
  std::array<char, 64> buffer{};
  const double size = std::fabs(value);
  const bool fixed = value == 0 || (size >= 1e-4 && size < 1e15);
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          fixed ? std::chars_format::fixed : std::chars_format::scientific);
  check(error == std::errc{}, "the shortest text of a double fits in 64 characters");
  std::string text(buffer.data(), end);
  // YAML 1.1 readers (PyYAML among them) take 1e-08 for a string and 1.0e-08 for a number.
  if (!fixed && text.find('.') == std::string::npos) text.insert(text.find('e'), ".0");
  return text;
}

std::string yaml_text(std::string_view text) {
  if (is_plain_text(text)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02X", byte);
      quoted += escape.data();
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace vernier

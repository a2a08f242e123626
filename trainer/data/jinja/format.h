#pragma once
// Values to text as Python writes them: str(), repr(), json.dumps, "%" formatting and str.format; and numbers back.

#include <optional>
#include <string>
#include <string_view>

#include "data/jinja/runtime.h"
#include "data/jinja/value.h"

namespace vernier::jinja {

std::string to_str(Runtime& runtime, const Value& value);
std::string repr(Runtime& runtime, const Value& value);
// Shortest text that gives the double back, in Python's layout.
std::string float_repr(double value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
// Fails (TypeError) on what json.dumps refuses.
std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

// int(text, base) and float(text); nothing where Python raises ValueError. parse_int fails (OverflowError) beyond 64
// bits.
std::optional<std::int64_t> parse_int(std::string_view text, int base);
std::optional<double> parse_float(std::string_view text);

// `pattern % values` and pattern.format(*args).
std::string percent_format(Runtime& runtime, const std::string& pattern, const Value& values);
std::string brace_format(Runtime& runtime, const std::string& pattern, const Args& args);

// markupsafe.escape.
std::string escape_html(std::string_view text);

}  // namespace vernier::jinja

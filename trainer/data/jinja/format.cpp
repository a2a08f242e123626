#include "data/jinja/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "data/jinja/operations.h"
#include "data/jinja/unicode.h"

namespace vernier::jinja {
namespace {

std::string hex(char32_t c, int digits) {
  std::string out;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[(c >> shift) & 0xFU]);
  return out;
}

std::string repr_text(std::string_view text) {
  const bool doubled = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = doubled ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == '\\' || c == static_cast<char32_t>(quote)) {
      out += '\\';
      append_utf8(out, c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      append_utf8(out, c);
    } else {
      out += c < 0x100 ? "\\x" + hex(c, 2) : c < 0x10000 ? "\\u" + hex(c, 4) : "\\U" + hex(c, 8);
    }
  }
  return out + quote;
}

void write_repr(Runtime& runtime, const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kString:
      out += value.text().markup ? "Markup(" + repr_text(value.bytes()) + ")" : repr_text(value.bytes());
      break;
    case Kind::kList:
    case Kind::kTuple: {
      const bool tuple = value.kind() == Kind::kTuple;
      out += tuple ? '(' : '[';
      for (std::size_t i = 0; i < value.items().size(); ++i) {
        if (i > 0) out += ", ";
        write_repr(runtime, value.items()[i], out);
      }
      if (tuple && value.items().size() == 1) out += ',';
      out += tuple ? ')' : ']';
      break;
    }
    case Kind::kDict:
      out += '{';
      for (std::size_t i = 0; i < value.dict().entries.size(); ++i) {
        if (i > 0) out += ", ";
        write_repr(runtime, value.dict().entries[i].first, out);
        out += ": ";
        write_repr(runtime, value.dict().entries[i].second, out);
      }
      out += '}';
      break;
    case Kind::kUndefined:
      out += "Undefined";
      break;
    case Kind::kNone:
      out += "None";
      break;
    case Kind::kBool:
      out += value.truth() ? "True" : "False";
      break;
    case Kind::kInt:
      out += std::to_string(value.as_int());
      break;
    case Kind::kFloat:
      out += float_repr(value.as_double());
      break;
    case Kind::kObject:
      out += value.object()->repr(runtime);
      break;
  }
}

std::string json_text(std::string_view text, bool ensure_ascii) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    static constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b";
    static constexpr std::string_view kLetters = "\"\\nrtfb";
    const std::size_t place = c < 0x80 ? kEscaped.find(static_cast<char>(c)) : std::string_view::npos;
    if (place != std::string_view::npos) {
      out += '\\';
      out += kLetters[place];
    } else if (c < 0x20 || (ensure_ascii && c >= 0x7F && c < 0x10000)) {
      out += "\\u" + hex(c, 4);
    } else if (ensure_ascii && c >= 0x10000) {
      out += "\\u" + hex(0xD800 + ((c - 0x10000) >> 10U), 4) + "\\u" + hex(0xDC00 + ((c - 0x10000) & 0x3FFU), 4);
    } else {
      append_utf8(out, c);
    }
  }
  return out + '"';
}

std::string json_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return float_repr(value);
}

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  void write(const Value& value) {
    runtime_.charge_bytes(out.size() - charged_);
    charged_ = out.size();
    switch (value.kind()) {
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kFloat:
        out += scalar(value);
        break;
      case Kind::kString:
        out += json_text(value.bytes(), style_.ensure_ascii);
        break;
      case Kind::kList:
      case Kind::kTuple:
        write_items('[', ']', value.items().size(), [&](std::size_t i) { write(value.items()[i]); });
        break;
      case Kind::kDict:
        write_dict(value.dict());
        break;
      default:
        fail("TypeError", "Object of type " + value.type_name() + " is not JSON serializable");
    }
  }

  std::string out;

 private:
  static std::string scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (value.kind() == Kind::kBool) return value.truth() ? "true" : "false";
    return value.is_int() ? std::to_string(value.as_int()) : json_float(value.as_double());
  }

  template <typename Write>
  void write_items(char open, char close, std::size_t count, Write write_one) {
    out += open;
    ++level_;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out += style_.item_separator;
      break_line();
      write_one(i);
    }
    --level_;
    if (count > 0) break_line();
    out += close;
  }

  void write_dict(const Dict& dict) {
    std::vector<std::pair<Value, Value>> entries = dict.entries;
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(),
                       [&](const auto& a, const auto& b) { return less(runtime_, a.first, b.first); });
    }
    write_items('{', '}', entries.size(), [&](std::size_t i) {
      const Value& key = entries[i].first;
      if (!key.is_string() && !key.is_number() && !key.is_none())
        fail("TypeError", "keys must be str, int, float, bool or None, not " + key.type_name());
      out += json_text(key.is_string() ? key.bytes() : scalar(key), style_.ensure_ascii) + style_.key_separator;
      write(entries[i].second);
    });
  }

  void break_line() {
    if (!style_.indent) return;
    out += '\n';
    runtime_.charge_bytes(style_.indent->size() * level_);
    for (std::size_t i = 0; i < level_; ++i) out += *style_.indent;
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::size_t level_ = 0;
  std::size_t charged_ = 0;
};

// Digits with Python's single underscores between them taken out and Unicode digits made ASCII; nothing when it has
// anything else than ASCII left, or misplaced underscores.
std::optional<std::string> plain_number(std::string_view text) {
  std::string out;
  bool digit = false;
  text = strip(text, nullptr, true, true);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    int value = 0;
    if (c == '_') {
      if (!digit || at == text.size() || text[at] == '_') return std::nullopt;
      digit = false;
      continue;
    }
    if (c >= 0x80 && !is_decimal(c, value)) return std::nullopt;
    const char byte = c >= 0x80 ? static_cast<char>('0' + value) : static_cast<char>(c);
    if (!digit && !out.empty() && at > 1 && text[at - 2] == '_' && std::isalnum(static_cast<unsigned char>(byte)) == 0)
      return std::nullopt;
    digit = std::isalnum(static_cast<unsigned char>(byte)) != 0;
    out.push_back(byte);
  }
  return out.empty() ? std::nullopt : std::optional<std::string>(out);
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const bool negative = text[0] == '-';
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  if (exponent < 0) {
    digits.insert(0, static_cast<std::size_t>(-exponent), '0');
    digits.insert(1, ".");
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    digits.insert(whole, ".");
    if (digits.back() == '.') digits.push_back('0');
  }
  return (negative ? "-" : "") + digits;
}

std::string repr(Runtime& runtime, const Value& value) {
  runtime.charge(value.weight());
  std::string out;
  write_repr(runtime, value, out);
  runtime.charge_bytes(out.size());
  return out;
}

std::string to_str(Runtime& runtime, const Value& value) {
  if (value.is_string()) return value.bytes();
  return value.is_undefined() ? "" : repr(runtime, value);
}

std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  runtime.charge(value.weight());
  JsonWriter writer(runtime, style);
  writer.write(value);
  return std::move(writer.out);
}

std::optional<std::int64_t> parse_int(std::string_view text, int base) {
  std::optional<std::string> plain = plain_number(text);
  if (!plain) return std::nullopt;
  std::string_view digits = *plain;
  const bool negative = digits[0] == '-';
  if (negative || digits[0] == '+') digits.remove_prefix(1);
  const auto prefixed = [&](int of, char letter) {
    return (base == of || base == 0) && digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == letter;
  };
  const int given = prefixed(16, 'x') ? 16 : prefixed(8, 'o') ? 8 : prefixed(2, 'b') ? 2 : 0;
  if (given != 0) digits.remove_prefix(2);
  if (given == 0 && base == 0 && digits.size() > 1 && digits[0] == '0' &&
      digits.find_first_not_of('0') != std::string_view::npos)
    return std::nullopt;
  std::uint64_t magnitude = 0;
  const int radix = given != 0 ? given : base == 0 ? 10 : base;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, radix);
  if (end != digits.data() + digits.size() || digits.empty() || error == std::errc::invalid_argument)
    return std::nullopt;
  const std::uint64_t limit = std::uint64_t{1} << 63U;
  if (error == std::errc::result_out_of_range || magnitude > limit || (magnitude == limit && !negative))
    fail("OverflowError", "an integer that does not fit 64 bits");
  return static_cast<std::int64_t>(negative ? std::uint64_t{0} - magnitude : magnitude);
}

std::optional<double> parse_float(std::string_view text) {
  const std::optional<std::string> plain = plain_number(text);
  if (!plain) return std::nullopt;
  std::string_view digits = *plain;
  const bool negative = digits[0] == '-';
  if (negative || digits[0] == '+') digits.remove_prefix(1);
  if (digits.empty() || digits[0] == '-' || digits[0] == '+') return std::nullopt;
  const std::string word = to_lower(digits);
  if (word == "inf" || word == "infinity") return negative ? -HUGE_VAL : HUGE_VAL;
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word.find_first_not_of("0123456789.e+-") != std::string::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size()) return std::nullopt;
  // from_chars tells neither overflow from underflow nor gives their values; the exponent's sign does.
  if (error == std::errc::result_out_of_range) value = word.find("e-") == std::string::npos ? HUGE_VAL : 0.0;
  return negative ? -value : value;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace vernier::jinja

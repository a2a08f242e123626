// "%" formatting and str.format with Python's format specifications.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "data/jinja/format.h"
#include "data/jinja/operations.h"
#include "data/jinja/unicode.h"

namespace vernier::jinja {
namespace {

constexpr std::int64_t kMaxWidth = 1'000'000;

// [[fill]align][sign][#][0][width][grouping][.precision][type]
struct Spec {
  std::string fill = " ";
  char align = 0;
  char sign = '-';
  bool alternate = false;
  std::int64_t width = 0;
  char grouping = 0;
  std::int64_t precision = -1;
  char type = 0;
};

std::int64_t read_number(std::string_view text, std::size_t& at) {
  std::int64_t number = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = number * 10 + (text[at] - '0');
    if (number > kMaxWidth) fail("ValueError", "too large a width or precision in a format");
  }
  return number;
}

std::string padded(Runtime& runtime, const Spec& spec, std::string text, char default_align, std::size_t sign_size) {
  const auto size = static_cast<std::int64_t>(code_points(text));
  if (spec.width <= size) return text;
  runtime.charge_bytes(static_cast<std::size_t>(spec.width) * spec.fill.size());
  const std::int64_t room = spec.width - size;
  const auto fill = [&](std::int64_t times) {
    std::string out;
    while (times-- > 0) out += spec.fill;
    return out;
  };
  switch (spec.align != 0 ? spec.align : default_align) {
    case '<':
      return text + fill(room);
    case '^':
      return fill(room / 2) + text + fill(room - room / 2);
    case '=':
      return text.insert(sign_size, fill(room));
    default:
      return fill(room) + text;
  }
}

void group_digits(std::string& digits, char separator, std::size_t every) {
  std::size_t at = 0;
  while (at < digits.size() && std::isxdigit(static_cast<unsigned char>(digits[at])) != 0) ++at;
  while (at > every) digits.insert(at -= every, 1, separator);
}

std::string sign_of(const Spec& spec, bool negative) {
  return negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
}

std::string format_integer(Runtime& runtime, const Spec& spec, std::int64_t value) {
  const bool negative = value < 0;
  const char type = spec.type;
  const int base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::array<char, 72> buffer{};
  char* end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base).ptr;
  std::string digits(buffer.data() + (negative ? 1 : 0), end);
  if (type == 'X') digits = to_upper(digits);
  if (spec.precision > 0 && digits.size() < static_cast<std::size_t>(spec.precision))
    digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
  if (spec.grouping != 0) group_digits(digits, spec.grouping, base == 10 ? 3 : 4);
  std::string sign = sign_of(spec, negative);
  if (spec.alternate && base != 10) sign += {'0', type};
  return padded(runtime, spec, sign + digits, '>', sign.size());
}

std::string print(const char* pattern, std::int64_t precision, double value) {
  const int digits = static_cast<int>(precision);
  std::string out(static_cast<std::size_t>(std::snprintf(nullptr, 0, pattern, digits, value)), '\0');
  std::snprintf(out.data(), out.size() + 1, pattern, digits, value);
  return out;
}

std::string format_float(Runtime& runtime, const Spec& spec, double value) {
  const bool negative = std::signbit(value) && !std::isnan(value);
  const double magnitude = std::fabs(value);
  const std::int64_t precision = spec.precision < 0 ? 6 : spec.precision;
  runtime.charge_bytes(static_cast<std::size_t>(precision) + 320);
  std::string text;
  if (spec.type == 0 && spec.precision < 0) {
    text = float_repr(magnitude);
  } else if (spec.type == '%') {
    text = print("%.*f", precision, magnitude * 100) + "%";
  } else if (spec.type == 0) {
    // As %g, but never without a fraction.
    text = print("%.*g", std::max<std::int64_t>(precision, 1), magnitude);
    if (text.find_first_of(".en") == std::string::npos) text += ".0";
  } else {
    const char pattern[] = {'%',
                            spec.alternate ? '#' : '.',
                            spec.alternate ? '.' : '*',
                            spec.alternate ? '*' : spec.type,
                            spec.alternate ? spec.type : '\0',
                            '\0'};
    text = print(pattern, precision, magnitude);
  }
  if (spec.grouping != 0) group_digits(text, spec.grouping, 3);
  const std::string sign = sign_of(spec, negative);
  return padded(runtime, spec, sign + text, '>', sign.size());
}

std::string format_text(Runtime& runtime, const Spec& spec, std::string text) {
  if (spec.precision >= 0 && static_cast<std::size_t>(spec.precision) < text.size()) {
    std::u32string letters = decode_utf8(text);
    letters.resize(std::min(letters.size(), static_cast<std::size_t>(spec.precision)));
    text = encode_utf8(letters);
  }
  return padded(runtime, spec, std::move(text), '<', 0);
}

// One "%" conversion: text[at] is behind the percent sign and any mapping key.
std::string convert(Runtime& runtime, Spec spec, const Value& value) {
  switch (spec.type) {
    case 's':
      return format_text(runtime, spec, to_str(runtime, value));
    case 'r':
    case 'a':
      return format_text(runtime, spec, repr(runtime, value));
    case 'c':
      if (value.is_string() && value.text().length == 1) return format_text(runtime, spec, value.bytes());
      fail("TypeError", "%c requires int or char");
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      const bool decimal = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
      if (decimal && value.kind() == Kind::kFloat && std::fabs(value.as_double()) < 9e18)
        return format_integer(runtime, spec, static_cast<std::int64_t>(value.as_double()));
      if (!value.is_int()) fail("TypeError", "%d format: a real number is required, not " + value.type_name());
      return format_integer(runtime, spec, value.as_int());
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      require_defined(value);
      if (!value.is_number()) fail("TypeError", "must be real number, not " + value.type_name());
      return format_float(runtime, spec, value.as_double());
    default:
      fail("ValueError", str("unsupported format character '", spec.type, "'"));
  }
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  std::size_t at = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '=' || c == '^'; };
  std::size_t behind = 0;
  if (!text.empty()) next_code_point(text, behind);
  if (!text.empty() && behind < text.size() && is_align(text[behind])) {
    spec.fill = text.substr(0, behind);
    spec.align = text[behind];
    at = behind + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[at++];
  }
  const auto accept = [&](std::string_view any) {
    return at < text.size() && any.find(text[at]) != std::string_view::npos ? text[at++] : '\0';
  };
  if (const char sign = accept("+- ")) spec.sign = sign;
  spec.alternate = accept("#") != 0;
  if (accept("0") != 0 && spec.align == 0) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = read_number(text, at);
  spec.grouping = accept(",_");
  if (accept(".") != 0) spec.precision = read_number(text, at);
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) fail("ValueError", "Invalid format specifier '" + std::string(text) + "'");
  return spec;
}

std::string format_value(Runtime& runtime, const Value& value, std::string_view format) {
  if (format.empty()) return to_str(runtime, value);
  Spec spec = parse_spec(format);
  const auto refuse = [&] {
    fail("ValueError", str("Unknown format code '", spec.type, "' for object of type '", value.type_name(), "'"));
  };
  if (value.is_string()) {
    if ((spec.type != 0 && spec.type != 's') || spec.align == '=') refuse();
    return format_text(runtime, spec, value.bytes());
  }
  if (value.is_number()) {
    const bool floating = std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos && spec.type != 0;
    if (floating || (value.kind() == Kind::kFloat && spec.type == 0))
      return format_float(runtime, spec, value.as_double());
    if (!value.is_int() || (spec.type != 0 && std::string_view("dxXob").find(spec.type) == std::string_view::npos) ||
        spec.precision >= 0)
      refuse();
    return format_integer(runtime, spec, value.as_int());
  }
  fail("TypeError", "unsupported format string passed to " + value.type_name() + ".__format__");
}

// The arguments of str.format: {} counts up, {2} and {name} pick, {a.b[0]} looks further.
class Fields {
 public:
  Fields(Runtime& runtime, const Args& args) : runtime_(runtime), args_(args) {}

  Value get(std::string_view field) {
    std::size_t at = std::min(field.find_first_of(".["), field.size());
    Value value = first(std::string(field.substr(0, at)));
    while (at < field.size()) {
      const bool attribute = field[at] == '.';
      const std::size_t end =
          attribute ? std::min(field.find_first_of(".[", at + 1), field.size()) : field.find(']', at);
      if (end == std::string_view::npos) fail("ValueError", "Missing ']' in format string");
      const std::string name(field.substr(at + 1, end - at - 1));
      if (name.empty()) fail("ValueError", "Empty attribute in format string");
      const bool index = !attribute && name.find_first_not_of("0123456789") == std::string::npos;
      value = attribute ? get_attribute(runtime_, value, name)
                        : get_item(runtime_, value, index ? Value(parse_int(name, 10).value_or(0)) : Value(name));
      at = attribute ? end : end + 1;
    }
    return value;
  }

 private:
  Value first(const std::string& name) {
    if (name.empty() || name.find_first_not_of("0123456789") == std::string::npos) {
      const bool automatic = name.empty();
      if ((automatic && manual_) || (!automatic && next_ > 0))
        fail("ValueError", "cannot switch between manual field specification and automatic field numbering");
      manual_ = manual_ || !automatic;
      const std::size_t place = automatic ? next_++ : static_cast<std::size_t>(parse_int(name, 10).value_or(0));
      if (place >= args_.positional.size())
        fail("IndexError", "Replacement index out of range for positional args tuple");
      return args_.positional[place];
    }
    for (const auto& [key, value] : args_.named) {
      if (key == name) return value;
    }
    fail("KeyError", "'" + name + "'");
  }

  Runtime& runtime_;
  const Args& args_;
  std::size_t next_ = 0;
  bool manual_ = false;
};

std::string format_fields(Runtime& runtime, std::string_view pattern, Fields& fields, int levels);

// "name!r:spec" without its braces.
std::string format_field(Runtime& runtime, std::string_view field, Fields& fields, int levels) {
  const std::size_t colon = field.find(':');
  std::string_view name = field.substr(0, colon);
  const std::size_t bang = name.find('!');
  const std::string_view conversion = bang == std::string_view::npos ? "" : name.substr(bang + 1);
  Value value = fields.get(name.substr(0, bang));
  if (conversion == "r") {
    value = Value(repr(runtime, value));
  } else if (conversion == "s") {
    value = Value(to_str(runtime, value));
  } else if (bang != std::string_view::npos) {
    fail("ValueError", "Unknown conversion specifier in format string");
  }
  const std::string spec =
      colon == std::string_view::npos ? "" : format_fields(runtime, field.substr(colon + 1), fields, levels - 1);
  return format_value(runtime, value, spec);
}

std::string format_fields(Runtime& runtime, std::string_view pattern, Fields& fields, int levels) {
  if (levels < 0) fail("ValueError", "Max string recursion exceeded");
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at++];
    const bool doubled = at < pattern.size() && pattern[at] == c;
    if ((c == '{' || c == '}') && doubled) {
      out.push_back(pattern[at++]);
    } else if (c == '}') {
      fail("ValueError", "Single '}' encountered in format string");
    } else if (c == '{') {
      const std::size_t start = at;
      for (int open = 1; open > 0; ++at) {
        if (at == pattern.size()) fail("ValueError", "expected '}' before end of string");
        open += pattern[at] == '{' ? 1 : pattern[at] == '}' ? -1 : 0;
      }
      out += format_field(runtime, pattern.substr(start, at - 1 - start), fields, levels);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

// Walks the conversions of a "%" pattern over their values.
class PercentWriter {
 public:
  PercentWriter(Runtime& runtime, std::string_view pattern, const Value& values)
      : runtime_(runtime), pattern_(pattern), values_(values) {}

  std::string write() {
    std::string out;
    while (at_ < pattern_.size()) {
      if (pattern_[at_] != '%') {
        out.push_back(pattern_[at_++]);
        continue;
      }
      ++at_;
      out += conversion();
    }
    const bool excused = values_.is_dict() || (values_.kind() != Kind::kTuple && used_ == 1) || mapped_;
    const bool all_used = values_.kind() == Kind::kTuple && used_ == values_.items().size();
    const bool sequence = values_.kind() == Kind::kList || values_.kind() == Kind::kUndefined;
    if (!excused && !all_used && !(sequence && used_ == 0))
      fail("TypeError", "not all arguments converted during string formatting");
    return out;
  }

 private:
  std::string conversion() {
    Spec spec;
    std::optional<Value> mapped;
    if (peek() == '(') mapped = by_key();
    bool left = false;
    bool zero = false;
    for (char c = peek(); c != 0 && std::string_view("-+ #0").find(c) != std::string_view::npos; c = peek()) {
      left = left || c == '-';
      zero = zero || c == '0';
      if (c == '+' || (c == ' ' && spec.sign != '+')) spec.sign = c;
      spec.alternate = spec.alternate || c == '#';
      ++at_;
    }
    spec.width = width(left);
    if (peek() == '.') {
      ++at_;
      bool negative = false;
      spec.precision = std::max<std::int64_t>(width(negative), 0);
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++at_;
    spec.type = peek();
    if (spec.type == 0) fail("ValueError", "incomplete format");
    ++at_;
    if (spec.type == '%') return "%";
    const bool number = spec.type != 's' && spec.type != 'r' && spec.type != 'c' && spec.type != 'a';
    spec.align = left ? '<' : zero && number ? '=' : '>';
    if (zero && number && !left) spec.fill = "0";
    return convert(runtime_, spec, mapped ? *mapped : next());
  }

  char peek() const { return at_ < pattern_.size() ? pattern_[at_] : '\0'; }

  std::int64_t width(bool& left) {
    if (peek() != '*') return read_number(pattern_, at_);
    ++at_;
    const Value value = next();
    if (!value.is_int()) fail("TypeError", "* wants int");
    const std::int64_t number = value.as_int();
    if (number > kMaxWidth || number < -kMaxWidth) fail("ValueError", "too large a width or precision in a format");
    left = left || number < 0;
    return std::abs(number);
  }

  Value by_key() {
    if (!values_.is_dict()) fail("TypeError", "format requires a mapping");
    const std::size_t end = pattern_.find(')', at_);
    if (end == std::string_view::npos) fail("ValueError", "incomplete format key");
    const std::string key(pattern_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    mapped_ = true;
    const Value* found = values_.dict().find(Value(key));
    if (found == nullptr) fail("KeyError", "'" + key + "'");
    return *found;
  }

  Value next() {
    const bool tuple = values_.kind() == Kind::kTuple;
    if (used_ == (tuple ? values_.items().size() : 1)) fail("TypeError", "not enough arguments for format string");
    ++used_;
    return tuple ? values_.items()[used_ - 1] : values_;
  }

  Runtime& runtime_;
  std::string_view pattern_;
  const Value& values_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
  bool mapped_ = false;
};

}  // namespace

std::string percent_format(Runtime& runtime, const std::string& pattern, const Value& values) {
  return PercentWriter(runtime, pattern, values).write();
}

std::string brace_format(Runtime& runtime, const std::string& pattern, const Args& args) {
  Fields fields(runtime, args);
  return format_fields(runtime, pattern, fields, 2);
}

}  // namespace vernier::jinja

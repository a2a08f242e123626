// Filters on single values; those on sequences are in filters_sequence.cpp.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "data/jinja/filters.h"
#include "data/jinja/format.h"
#include "data/jinja/library.h"
#include "data/jinja/methods.h"
#include "data/jinja/objects.h"
#include "data/jinja/operations.h"
#include "data/jinja/unicode.h"

namespace vernier::jinja {
namespace {

// soft_str: the text of a value, a markup text staying one.
Value soft(Runtime& runtime, const Value& value) {
  return value.is_string() ? value : runtime.make_text(to_str(runtime, value));
}

template <std::string (*Change)(std::string_view)>
Value change_text(Runtime& runtime, Args& args) {
  const Params params("filter", args, {"s"}, 1);
  const Value text = soft(runtime, params[0]);
  return runtime.make_text(Change(text.bytes()), text.text().markup);
}

// Upper case behind white space and opening brackets only, unlike str.title.
std::string title_words(std::string_view text) {
  std::string out;
  const auto starts_word = [](char32_t c) {
    return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    std::size_t head = at;
    const bool separator = starts_word(next_code_point(text, head));
    for (std::size_t next = at; next < text.size(); at = next) {
      if (starts_word(next_code_point(text, next)) != separator) break;
    }
    const std::string_view word = text.substr(start, at - start);
    out += to_upper(word.substr(0, head - start)) + to_lower(word.substr(head - start));
  }
  return out;
}

Value trim_filter(Runtime& runtime, Args& args) {
  const Params params("trim", args, {"value", "chars"}, 1);
  const Value text = soft(runtime, params[0]);
  const std::string* chars = params.set(1) ? &params.text(1) : nullptr;
  return runtime.make_text(std::string(strip(text.bytes(), chars, true, true)), text.text().markup);
}

Value string_filter(Runtime& runtime, Args& args) {
  return soft(runtime, Params("string", args, {"object"}, 1)[0]);
}

Value replace_filter(Runtime& runtime, Args& args) {
  const Params params("replace", args, {"s", "old", "new", "count"}, 3);
  const std::int64_t count = params.set(3) ? params.integer(3, -1) : -1;
  const auto text = [&](std::size_t i) { return to_str(runtime, params[i]); };
  return Value(replace_text(runtime, text(0), text(1), text(2), count));
}

Value escape_filter(Runtime& runtime, Args& args) {
  const Params params("escape", args, {"s"}, 1);
  if (params[0].is_string() && params[0].text().markup) return params[0];
  return runtime.make_text(escape_html(to_str(runtime, params[0])), true);
}

Value safe_filter(Runtime& runtime, Args& args) {
  return runtime.make_text(to_str(runtime, Params("safe", args, {"value"}, 1)[0]), true);
}

Value format_filter(Runtime& runtime, Args& args) {
  if (args.positional.size() > 1 && !args.named.empty())
    fail("FilterArgumentError", "can't handle positional and keyword arguments at the same time");
  const Value pattern = soft(runtime, args.positional.at(0));
  Value values = make_tuple({args.positional.begin() + 1, args.positional.end()});
  if (!args.named.empty()) {
    auto dict = std::make_shared<Dict>();
    for (const auto& [name, value] : args.named) dict->set(Value(name), value);
    values = Value(std::shared_ptr<const Dict>(dict));
  }
  return arithmetic(runtime, Operator::kMod, pattern, values);
}

Value default_filter(Runtime&, Args& args) {
  const Params params("default", args, {"value", "default_value", "boolean"}, 1);
  const bool missing = params[0].is_undefined() || (params.flag(2) && !params[0].truth());
  return !missing ? params[0] : params.given(1) ? params[1] : Value("");
}

Value length_filter(Runtime&, Args& args) {
  const Params params("length", args, {"obj"}, 1);
  const std::optional<std::int64_t> count = length(params[0]);
  if (!count) fail("TypeError", "object of type '" + params[0].type_name() + "' has no len()");
  return *count;
}

Value abs_filter(Runtime&, Args& args) {
  const Value value = Params("abs", args, {"x"}, 1)[0];
  require_defined(value);
  if (value.kind() == Kind::kFloat) return std::fabs(value.as_double());
  if (!value.is_int()) fail("TypeError", "bad operand type for abs(): '" + value.type_name() + "'");
  return value.as_int() < 0 ? negate(value) : Value(value.as_int());
}

std::int64_t truncated(double value) {
  if (std::isnan(value)) fail("ValueError", "cannot convert float NaN to integer");
  if (std::isinf(value)) fail("OverflowError", "cannot convert float infinity to integer");
  if (std::fabs(value) >= 9223372036854775808.0) fail("OverflowError", "an integer that does not fit 64 bits");
  return static_cast<std::int64_t>(value);
}

Value int_filter(Runtime&, Args& args) {
  const Params params("int", args, {"value", "default", "base"}, 1);
  const Value& value = params[0];
  const Value otherwise = params.given(1) ? params[1] : Value(std::int64_t{0});
  require_defined(value);
  if (value.is_int()) return value.as_int();
  if (value.kind() == Kind::kFloat)
    return std::isnan(value.as_double()) ? otherwise : Value(truncated(value.as_double()));
  if (!value.is_string()) return otherwise;
  const std::int64_t base = params.integer(2, 10);
  const bool known_base = base == 0 || (base >= 2 && base <= 36);
  if (const auto whole = known_base ? parse_int(value.bytes(), static_cast<int>(base)) : std::nullopt) return *whole;
  const std::optional<double> number = parse_float(value.bytes());
  return number && std::isfinite(*number) ? Value(truncated(*number)) : otherwise;
}

Value float_filter(Runtime&, Args& args) {
  const Params params("float", args, {"value", "default"}, 1);
  const Value& value = params[0];
  require_defined(value);
  if (value.is_number()) return value.as_double();
  const std::optional<double> number = value.is_string() ? parse_float(value.bytes()) : std::nullopt;
  return number ? Value(*number) : params.given(1) ? params[1] : Value(0.0);
}

// Python's round(): halves to even, decided on the exact decimal value.
Value round_common(const Value& value, std::int64_t digits) {
  if (value.is_int()) {
    if (digits >= 0) return value.as_int();
    if (digits < -18) return std::int64_t{0};
    std::int64_t unit = 1;
    for (std::int64_t i = 0; i > digits; --i) unit *= 10;
    const std::int64_t rest = ((value.as_int() % unit) + unit) % unit;
    const std::int64_t down = value.as_int() - rest;
    const bool up = rest > unit - rest || (rest == unit - rest && (down / unit) % 2 != 0);
    return up ? down + unit : down;
  }
  const double number = value.as_double();
  if (!std::isfinite(number) || digits > 400) return number;
  if (digits < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-digits));
    return std::isinf(unit) ? std::copysign(0.0, number) : std::nearbyint(number / unit) * unit;
  }
  char buffer[800];
  std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), number);
  return std::strtod(buffer, nullptr);
}

Value round_filter(Runtime& runtime, Args& args) {
  const Params params("round", args, {"value", "precision", "method"}, 1);
  const std::string method = params.given(2) ? params.text(2) : "common";
  const Value& value = params[0];
  require_defined(value);
  if (method != "common" && method != "ceil" && method != "floor")
    fail("FilterArgumentError", "method must be common, ceil or floor");
  if (!value.is_number()) fail("TypeError", "type " + value.type_name() + " doesn't define __round__ method");
  const std::int64_t digits = params.integer(1, 0);
  if (method == "common") return round_common(value, digits);
  const Value unit = arithmetic(runtime, Operator::kPow, Value(std::int64_t{10}), Value(digits));
  const Value scaled = arithmetic(runtime, Operator::kMul, value, unit);
  const double whole = method == "ceil" ? std::ceil(scaled.as_double()) : std::floor(scaled.as_double());
  return arithmetic(runtime, Operator::kDiv, scaled.is_int() ? scaled : Value(truncated(whole)), unit);
}

Value indent_filter(Runtime& runtime, Args& args) {
  const Params params("indent", args, {"s", "width", "first", "blank"}, 1);
  const bool text_width = params.given(1) && params[1].is_string();
  const Value width = text_width ? params[1] : Value(params.integer(1, 4));
  const std::string pad = text_width ? width.bytes() : arithmetic(runtime, Operator::kMul, Value(" "), width).bytes();
  require_defined(params[0]);
  if (!params[0].is_string()) fail("TypeError", "indent needs a string, not " + params[0].type_name());
  const bool markup = params[0].text().markup;
  const Value lines = split_lines(runtime, params[0].bytes() + "\n", markup);
  std::string out = params.flag(2) ? pad : "";
  for (std::size_t i = 0; i < lines.items().size(); ++i) {
    const std::string& line = lines.items()[i].bytes();
    if (i > 0) out += '\n';
    if (i > 0 && (params.flag(3) || !line.empty())) out += pad;
    out += line;
    runtime.charge_bytes(pad.size() + line.size());
  }
  return Value(std::move(out), markup);
}

Value truncate_filter(Runtime& runtime, Args& args) {
  const Params params("truncate", args, {"s", "length", "killwords", "end", "leeway"}, 1);
  const std::string end = params.given(3) ? params.text(3) : "...";
  const std::int64_t leeway = params.set(4) ? params.integer(4, 5) : 5;
  const std::int64_t room = params.integer(1, 255) - static_cast<std::int64_t>(code_points(end));
  if (room < 0 || leeway < 0) fail("AssertionError", "truncate: length or leeway too small");
  const std::optional<std::int64_t> size = length(params[0]);
  if (!size || !params[0].is_string()) fail("TypeError", "truncate needs a string, not " + params[0].type_name());
  if (*size <= params.integer(1, 255) + leeway) return params[0];
  std::string head = slice(runtime, params[0], Value(), Value(room), Value()).bytes();
  if (!params.flag(2)) head = head.substr(0, head.rfind(' '));
  return runtime.make_text(head + end, params[0].text().markup);
}

Value wordcount_filter(Runtime& runtime, Args& args) {
  const Value text = soft(runtime, Params("wordcount", args, {"s"}, 1)[0]);
  std::int64_t count = 0;
  bool inside = false;
  for (const char32_t c : decode_utf8(text.bytes())) {
    count += is_word(c) && !inside ? 1 : 0;
    inside = is_word(c);
  }
  return count;
}

Value tojson_filter(Runtime& runtime, Args& args) {
  const Params params("tojson", args, {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1);
  JsonStyle style;
  style.ensure_ascii = params.flag(1);
  style.sort_keys = params.flag(4);
  if (params.set(2)) {
    const bool text = params[2].is_string();
    const std::int64_t width = text ? 0 : std::clamp<std::int64_t>(params.integer(2, 0), 0, 1000);
    style.indent = text ? params[2].bytes() : std::string(static_cast<std::size_t>(width), ' ');
    style.item_separator = ",";
  }
  if (params.set(3)) {
    if (!params[3].is_sequence() || params[3].items().size() != 2 || !params[3].items()[0].is_string() ||
        !params[3].items()[1].is_string())
      fail("TypeError", "tojson: separators must be two strings");
    style.item_separator = params[3].items()[0].bytes();
    style.key_separator = params[3].items()[1].bytes();
  }
  return Value(to_json(runtime, params[0], style));
}

Value from_json_filter(Runtime& runtime, Args& args) {
  const Params params("from_json", args, {"value"}, 1);
  runtime.charge_bytes(params.text(0).size() * 4);
  try {
    return from_json(parse_json(params.text(0), "from_json"));
  } catch (const Error& error) {
    fail("ValueError", error.message());
  }
}

Value attr_filter(Runtime& runtime, Args& args) {
  const Params params("attr", args, {"obj", "name"}, 2);
  const bool has = python_attribute(params[0], params.text(1)).has_value();
  if (!has && !params[0].is_undefined())
    return Value::undefined("'" + params[0].type_name() + " object' has no attribute '" + params.text(1) + "'");
  return get_attribute(runtime, params[0], params.text(1));
}

}  // namespace

Builtin find_filter(const std::string& name) {
  static const std::map<std::string, Builtin> kFilters = [] {
    std::map<std::string, Builtin> all = {{"abs", abs_filter},
                                          {"attr", attr_filter},
                                          {"capitalize", change_text<capitalize>},
                                          {"count", length_filter},
                                          {"d", default_filter},
                                          {"default", default_filter},
                                          {"e", escape_filter},
                                          {"escape", escape_filter},
                                          {"float", float_filter},
                                          {"format", format_filter},
                                          {"from_json", from_json_filter},
                                          {"indent", indent_filter},
                                          {"int", int_filter},
                                          {"length", length_filter},
                                          {"lower", change_text<to_lower>},
                                          {"replace", replace_filter},
                                          {"round", round_filter},
                                          {"safe", safe_filter},
                                          {"string", string_filter},
                                          {"title", change_text<title_words>},
                                          {"tojson", tojson_filter},
                                          {"trim", trim_filter},
                                          {"truncate", truncate_filter},
                                          {"upper", change_text<to_upper>},
                                          {"wordcount", wordcount_filter}};
    all.insert(sequence_filters().begin(), sequence_filters().end());
    return all;
  }();
  const auto found = kFilters.find(name);
  return found == kFilters.end() ? nullptr : found->second;
}

}  // namespace vernier::jinja

#include "data/jinja/operations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "data/jinja/format.h"
#include "data/jinja/methods.h"
#include "data/jinja/objects.h"
#include "data/jinja/unicode.h"

namespace vernier::jinja {
namespace {

[[noreturn]] void refuse_operands(Operator op, const Value& a, const Value& b) {
  fail("TypeError",
       str("unsupported operand type(s) for ", operator_text(op), ": '", a.type_name(), "' and '", b.type_name(), "'"));
}

std::int64_t checked(bool overflow, std::int64_t result) {
  if (overflow) fail("OverflowError", "an integer result that does not fit 64 bits");
  return result;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  if (b == 0) fail("ZeroDivisionError", "integer division or modulo by zero");
  if (b == -1) {
    std::int64_t result = 0;
    const bool overflow = __builtin_sub_overflow(std::int64_t{0}, a, &result);
    return checked(overflow, result);
  }
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  for (bool overflow = false; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) {
      overflow = overflow || __builtin_mul_overflow(result, base, &result);
      checked(overflow, result);
    }
    if (exponent > 1) overflow = __builtin_mul_overflow(base, base, &base);
  }
  return result;
}

Value arithmetic_ints(Operator op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case Operator::kAdd: {
      const bool overflow = __builtin_add_overflow(a, b, &result);
      return checked(overflow, result);
    }
    case Operator::kSub: {
      const bool overflow = __builtin_sub_overflow(a, b, &result);
      return checked(overflow, result);
    }
    case Operator::kMul: {
      const bool overflow = __builtin_mul_overflow(a, b, &result);
      return checked(overflow, result);
    }
    case Operator::kDiv:
      if (b == 0) fail("ZeroDivisionError", "division by zero");
      return static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b));
    case Operator::kFloorDiv:
      return floor_divide(a, b);
    case Operator::kMod:
      if (b == -1) return std::int64_t{0};
      result = floor_divide(a, b);
      return a - result * b;
    default:
      return power(a, b);
  }
}

Value float_division(Operator op, double a, double b) {
  if (b == 0.0) fail("ZeroDivisionError", "float division by zero");
  if (op == Operator::kDiv) return a / b;
  double mod = std::fmod(a, b);
  double quotient = (a - mod) / b;
  if (mod == 0.0) {
    mod = std::copysign(0.0, b);
  } else if ((b < 0) != (mod < 0)) {
    mod += b;
    quotient -= 1.0;
  }
  if (op == Operator::kMod) return mod;
  if (quotient == 0.0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

Value arithmetic_floats(Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd:
      return a + b;
    case Operator::kSub:
      return a - b;
    case Operator::kMul:
      return a * b;
    case Operator::kPow: {
      if (a == 0.0 && b < 0.0) fail("ZeroDivisionError", "0.0 cannot be raised to a negative power");
      if (a < 0.0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b))
        fail("TypeError", "a complex result is not supported");
      const double result = std::pow(a, b);
      if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
        fail("OverflowError", "Numerical result out of range");
      return result;
    }
    default:
      return float_division(op, a, b);
  }
}

Value concatenate(Runtime& runtime, const Value& a, const Value& b) {
  if (a.is_string()) {
    if (!a.text().markup && !b.text().markup) return runtime.make_text(a.bytes() + b.bytes());
    const auto escaped = [](const Value& v) { return v.text().markup ? v.bytes() : escape_html(v.bytes()); };
    return runtime.make_text(escaped(a) + escaped(b), true);
  }
  runtime.charge(static_cast<std::int64_t>(a.items().size() + b.items().size()));
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return a.kind() == Kind::kTuple ? make_tuple(std::move(items)) : make_list(std::move(items));
}

Value repeat(Runtime& runtime, const Value& value, std::int64_t times) {
  times = std::max<std::int64_t>(times, 0);
  const auto unit = static_cast<std::int64_t>(value.is_string() ? value.bytes().size() : value.items().size());
  std::int64_t total = 0;
  if (__builtin_mul_overflow(unit, times, &total)) fail("OverflowError", "a repetition too large");
  if (value.is_string()) {
    runtime.charge_bytes(static_cast<std::size_t>(total));
    std::string out;
    out.reserve(static_cast<std::size_t>(total));
    for (std::int64_t i = 0; i < times && unit > 0; ++i) out += value.bytes();
    return Value(std::move(out), value.text().markup);
  }
  runtime.charge(total);
  std::vector<Value> items;
  items.reserve(static_cast<std::size_t>(total));
  for (std::int64_t i = 0; i < times && unit > 0; ++i)
    items.insert(items.end(), value.items().begin(), value.items().end());
  return value.kind() == Kind::kTuple ? make_tuple(std::move(items)) : make_list(std::move(items));
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  if (container.is_string()) {
    if (!item.is_string()) fail("TypeError", "'in <string>' requires string as left operand, not " + item.type_name());
    runtime.charge_bytes(container.bytes().size());
    return container.bytes().find(item.bytes()) != std::string::npos;
  }
  if (container.is_dict()) {
    runtime.charge(item.weight());
    return container.dict().find(item) != nullptr;
  }
  if (!is_iterable(container)) fail("TypeError", "argument of type '" + container.type_name() + "' is not iterable");
  const Next next = iterate(runtime, container);
  for (Value other; next(other);) {
    runtime.charge(std::min(item.weight(), other.weight()));
    if (equal(item, other)) return true;
  }
  return false;
}

bool less_sequences(Runtime& runtime, const std::vector<Value>& a, const std::vector<Value>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    runtime.charge(std::min(a[i].weight(), b[i].weight()));
    if (!equal(a[i], b[i])) return less(runtime, a[i], b[i]);
  }
  return a.size() < b.size();
}

struct Indices {
  std::int64_t start, step, count;
};

// Python's slice.indices of a sequence of `size` items. Precondition: each is an int or None.
Indices slice_indices(std::int64_t size, const Value& start, const Value& stop, const Value& step) {
  const std::int64_t by = step.is_none() ? 1 : step.as_int();
  if (by == 0) fail("ValueError", "slice step cannot be zero");
  const std::int64_t low = by > 0 ? 0 : -1;
  const std::int64_t high = by > 0 ? size : size - 1;
  const auto clamp = [&](const Value& value, std::int64_t otherwise) {
    if (value.is_none()) return otherwise;
    const std::int64_t at = value.as_int();
    return std::clamp(at < 0 ? at + size : at, low, high);
  };
  const std::int64_t first = clamp(start, by > 0 ? low : high);
  const std::int64_t last = clamp(stop, by > 0 ? high : low);
  const std::int64_t span = by > 0 ? last - first : first - last;
  // |by| may be 2^63, which has no positive int64.
  const std::uint64_t stride =
      by > 0 ? static_cast<std::uint64_t>(by) : std::uint64_t{0} - static_cast<std::uint64_t>(by);
  return {first, by, span <= 0 ? 0 : static_cast<std::int64_t>((static_cast<std::uint64_t>(span) - 1) / stride) + 1};
}

Value slice_text(Runtime& runtime, const Text& text, const Indices& at) {
  runtime.charge_bytes(text.bytes.size());
  const auto pick = [&](const auto& letters) {
    auto out = std::decay_t<decltype(letters)>();
    out.reserve(static_cast<std::size_t>(at.count));
    for (std::int64_t i = 0; i < at.count; ++i)
      out.push_back(letters[static_cast<std::size_t>(at.start + i * at.step)]);
    return out;
  };
  if (text.ascii()) return Value(pick(text.bytes), text.markup);
  return Value(encode_utf8(pick(decode_utf8(text.bytes))), text.markup);
}

// The place of a Python index in a sequence, if it has it.
std::optional<std::size_t> place_of(std::int64_t index, std::int64_t size) {
  const std::int64_t at = index < 0 ? index + size : index;
  return at >= 0 && at < size ? std::optional<std::size_t>(static_cast<std::size_t>(at)) : std::nullopt;
}

// value[key] where the key is an int; nothing where Python raises IndexError or TypeError.
std::optional<Value> item_at(Runtime& runtime, const Value& value, std::int64_t index) {
  if (value.is_sequence()) {
    const auto place = place_of(index, static_cast<std::int64_t>(value.items().size()));
    return place ? std::optional<Value>(value.items()[*place]) : std::nullopt;
  }
  if (value.is_string()) {
    const Text& text = value.text();
    const auto place = place_of(index, static_cast<std::int64_t>(text.length));
    if (!place) return std::nullopt;
    if (text.ascii()) return Value(std::string(1, text.bytes[*place]), text.markup);
    runtime.charge_bytes(text.bytes.size());
    std::string letter;
    append_utf8(letter, decode_utf8(text.bytes)[*place]);
    return Value(letter, text.markup);
  }
  if (const auto range = value.object_as<Range>()) {
    const auto place = place_of(index, range->length);
    if (place) return Value(range->start + static_cast<std::int64_t>(*place) * range->step);
  }
  return std::nullopt;
}

Value undefined_of(const Value& value, const Value& key, Runtime& runtime) {
  const std::string owner = value.is_none() ? "None" : value.type_name() + " object";
  if (key.is_string()) return Value::undefined("'" + owner + "' has no attribute '" + key.bytes() + "'");
  return Value::undefined(owner + " has no element " + repr(runtime, key));
}

// The attribute as the sandbox hands it out.
std::optional<Value> safe_attribute(const Value& value, const std::string& name) {
  const bool internal = name.size() > 4 && starts_with(name, "__") && ends_with(name, "__");
  std::optional<Value> found = internal ? Value() : python_attribute(value, name);
  if (found && (internal || starts_with(name, "_") || is_mutating(value, name)))
    return Value::undefined("access to attribute '" + name + "' of '" + value.type_name() + "' object is unsafe", true);
  return found;
}

}  // namespace

const char* operator_text(Operator op) {
  static constexpr std::array<const char*, 15> kTexts = {
      "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return kTexts[static_cast<std::size_t>(op)];
}

void require_defined(const Value& value) {
  if (value.is_undefined()) fail(value.missing().unsafe ? "SecurityError" : "UndefinedError", value.missing().message);
}

Value arithmetic(Runtime& runtime, Operator op, const Value& a, const Value& b) {
  if (op == Operator::kMod && a.is_string())
    return runtime.make_text(percent_format(runtime, a.bytes(), b), a.text().markup);
  require_defined(a);
  require_defined(b);
  if (a.is_int() && b.is_int()) {
    if (op == Operator::kPow && b.as_int() < 0) return arithmetic_floats(op, a.as_double(), b.as_double());
    return arithmetic_ints(op, a.as_int(), b.as_int());
  }
  if (a.is_number() && b.is_number()) return arithmetic_floats(op, a.as_double(), b.as_double());
  if (op == Operator::kAdd && a.kind() == b.kind() && (a.is_string() || a.is_sequence()))
    return concatenate(runtime, a, b);
  if (op == Operator::kMul && (a.is_string() || a.is_sequence()) && b.is_int()) return repeat(runtime, a, b.as_int());
  if (op == Operator::kMul && (b.is_string() || b.is_sequence()) && a.is_int()) return repeat(runtime, b, a.as_int());
  refuse_operands(op, a, b);
}

Value negate(const Value& value) {
  require_defined(value);
  if (value.kind() == Kind::kFloat) return -value.as_double();
  if (!value.is_int()) fail("TypeError", "bad operand type for unary -: '" + value.type_name() + "'");
  return arithmetic_ints(Operator::kSub, 0, value.as_int());
}

bool less(Runtime& runtime, const Value& a, const Value& b) {
  require_defined(a);
  require_defined(b);
  if (a.is_int() && b.is_int()) return a.as_int() < b.as_int();
  if (a.is_number() && b.is_number()) {
    const auto widen = [](const Value& v) {
      return v.is_int() ? static_cast<long double>(v.as_int()) : static_cast<long double>(v.as_double());
    };
    return widen(a) < widen(b);
  }
  // UTF-8 sorts like its code points.
  if (a.is_string() && b.is_string()) return a.bytes() < b.bytes();
  if (a.is_sequence() && a.kind() == b.kind()) return less_sequences(runtime, a.items(), b.items());
  fail("TypeError", "'<' not supported between instances of '" + a.type_name() + "' and '" + b.type_name() + "'");
}

bool compare(Runtime& runtime, Operator op, const Value& a, const Value& b) {
  // Not <= as "not >": NaN is neither.
  const auto ordered = [&](const Value& x, const Value& y, bool or_equal) {
    return less(runtime, x, y) || (or_equal && equal(x, y));
  };
  runtime.charge(std::min(a.weight(), b.weight()));
  switch (op) {
    case Operator::kEq:
      return equal(a, b);
    case Operator::kNe:
      return !equal(a, b);
    case Operator::kLt:
    case Operator::kLe:
      return ordered(a, b, op == Operator::kLe);
    case Operator::kGt:
    case Operator::kGe:
      return ordered(b, a, op == Operator::kGe);
    default:
      return contains(runtime, b, a) == (op == Operator::kIn);
  }
}

std::optional<Value> python_attribute(const Value& value, const std::string& name) {
  if (value.kind() == Kind::kObject) return value.object()->attribute(value.object(), name);
  return method_of(value, name);
}

Value get_attribute(Runtime& runtime, const Value& value, const std::string& name) {
  require_defined(value);
  if (std::optional<Value> found = safe_attribute(value, name)) return *found;
  if (value.is_dict()) {
    if (const Value* item = value.dict().find(Value(name))) return *item;
  }
  return undefined_of(value, Value(name), runtime);
}

Value get_item(Runtime& runtime, const Value& value, const Value& key) {
  require_defined(value);
  if (value.is_dict()) {
    const bool hashable = key.kind() != Kind::kList && key.kind() != Kind::kDict;
    if (const Value* item = hashable ? value.dict().find(key) : nullptr) return *item;
  } else if (key.is_int()) {
    if (std::optional<Value> item = item_at(runtime, value, key.as_int())) return *item;
  }
  if (key.is_string()) {
    if (std::optional<Value> found = safe_attribute(value, key.bytes())) return *found;
  }
  return undefined_of(value, key, runtime);
}

Value slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step) {
  require_defined(value);
  const auto range = value.object_as<Range>();
  if (!value.is_string() && !value.is_sequence() && !range)
    fail("TypeError", "'" + value.type_name() + "' object cannot be sliced");
  for (const Value* index : {&start, &stop, &step}) {
    if (!index->is_none() && !index->is_int()) fail("TypeError", "slice indices must be integers or None");
  }
  const Indices at = slice_indices(*length(value), start, stop, step);
  if (value.is_string()) return slice_text(runtime, value.text(), at);
  if (range) {
    return Value(std::make_shared<Range>(range->start + at.start * range->step, range->step * at.step, at.count));
  }
  runtime.charge(at.count);
  std::vector<Value> items;
  for (std::int64_t i = 0; i < at.count; ++i)
    items.push_back(value.items()[static_cast<std::size_t>(at.start + i * at.step)]);
  return value.kind() == Kind::kTuple ? make_tuple(std::move(items)) : make_list(std::move(items));
}

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
      return true;
    case Kind::kObject:
      return value.object()->iterate() != nullptr;
    default:
      return false;
  }
}

Next iterate(Runtime& runtime, const Value& value) {
  if (!is_iterable(value)) fail("TypeError", "'" + value.type_name() + "' object is not iterable");
  if (value.is_undefined()) return [](Value&) { return false; };
  if (value.kind() == Kind::kObject) {
    return [&runtime, next = value.object()->iterate(), keep = value](Value& out) {
      runtime.charge(1);
      return next(out);
    };
  }
  return [&runtime, at = std::size_t{0}, keep = value](Value& out) mutable {
    runtime.charge(1);
    if (keep.is_string()) {
      const Text& text = keep.text();
      if (at == text.bytes.size()) return false;
      std::string letter;
      append_utf8(letter, next_code_point(text.bytes, at));
      out = Value(std::move(letter), text.markup);
      return true;
    }
    if (keep.is_dict()) {
      if (at == keep.dict().entries.size()) return false;
      out = keep.dict().entries[at++].first;
      return true;
    }
    if (at == keep.items().size()) return false;
    out = keep.items()[at++];
    return true;
  };
}

std::vector<Value> collect(Runtime& runtime, const Value& value) {
  std::vector<Value> items;
  const Next next = iterate(runtime, value);
  for (Value item; next(item);) items.push_back(item);
  return items;
}

std::optional<std::int64_t> length(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return static_cast<std::int64_t>(value.text().length);
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<std::int64_t>(value.items().size());
    case Kind::kDict:
      return static_cast<std::int64_t>(value.dict().entries.size());
    case Kind::kObject:
      return value.object()->size();
    default:
      return std::nullopt;
  }
}

Value call(Runtime& runtime, const Value& function, Args& args) {
  require_defined(function);
  if (function.kind() != Kind::kObject) fail("TypeError", "'" + function.type_name() + "' object is not callable");
  return function.object()->call(runtime, args);
}

}  // namespace vernier::jinja

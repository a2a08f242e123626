#pragma once
// What Python's operators do with the values, and how the sandboxed environment looks attributes and items up.

#include <string>
#include <vector>

#include "data/jinja/runtime.h"
#include "data/jinja/value.h"

namespace vernier::jinja {

enum class Operator { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow, kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };
const char* operator_text(Operator op);

// kAdd .. kPow.
Value arithmetic(Runtime& runtime, Operator op, const Value& a, const Value& b);
Value negate(const Value& value);
// kEq .. kNotIn.
bool compare(Runtime& runtime, Operator op, const Value& a, const Value& b);
// a < b; fails (TypeError) where Python does.
bool less(Runtime& runtime, const Value& a, const Value& b);

// value.name: the attribute, else the item, else undefined; what the sandbox hides is undefined and fails on use.
Value get_attribute(Runtime& runtime, const Value& value, const std::string& name);
// value[key]: the item, else the attribute, else undefined.
Value get_item(Runtime& runtime, const Value& value, const Value& key);
// The attribute as Python's getattr finds it, methods included.
std::optional<Value> python_attribute(const Value& value, const std::string& name);
// value[start:stop:step]; fails (TypeError, ValueError) as Python does.
Value slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step);

// iter(value), paying a step an item; fails (TypeError) on what cannot be iterated.
Next iterate(Runtime& runtime, const Value& value);
std::vector<Value> collect(Runtime& runtime, const Value& value);
bool is_iterable(const Value& value);
// len(value), nothing where Python raises.
std::optional<std::int64_t> length(const Value& value);
Value call(Runtime& runtime, const Value& function, Args& args);

// Fails (UndefinedError, SecurityError) when the value is undefined.
void require_defined(const Value& value);

}  // namespace vernier::jinja

#pragma once
// The methods of str, list, tuple, dict and numbers that templates call.

#include <optional>
#include <string>

#include "data/jinja/value.h"

namespace vernier::jinja {

// The bound method; nothing for names that Python does not have either. Methods that only we lack fail
// (NotImplementedError): those of str when called, those of numbers at once.
std::optional<Value> method_of(const Value& self, const std::string& name);
// Whether the sandbox hides it because it would change a list or dict.
bool is_mutating(const Value& self, const std::string& name);

// What some filters share with the methods.
Value split_lines(Runtime& runtime, const std::string& text, bool markup, bool keep_ends = false);
std::string replace_text(Runtime& runtime, const std::string& text, const std::string& from, const std::string& to,
                         std::int64_t count);

}  // namespace vernier::jinja

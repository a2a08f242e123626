#include "infer/exact_json.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

namespace {

// 64 bits of mantissa or more: every int64, uint64 and f64 as it is.
long double number_value(const Json& number) {
  if (number.is_number_float()) return number.get<double>();
  if (number.is_number_unsigned()) return static_cast<long double>(number.get<std::uint64_t>());
  return static_cast<long double>(number.get<std::int64_t>());
}

bool same_object(const Json& one, const Json& other) {
  if (one.size() != other.size()) return false;
  const auto& entries = one.get_ref<const Json::object_t&>();
  return std::all_of(entries.begin(), entries.end(), [&](const auto& entry) {
    const auto found = other.find(entry.first);
    return found != other.end() && same_value(entry.second, *found);
  });
}

}  // namespace

std::optional<Json> strict_json(std::string_view text) {
  try {
    return parse_json(trim(text), "completion");
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool same_value(const Json& one, const Json& other) {
  if (one.is_number() && other.is_number()) return number_value(one) == number_value(other);
  if (one.type() != other.type()) return false;
  if (one.is_object()) return same_object(one, other);
  if (one.is_array()) return std::equal(one.begin(), one.end(), other.begin(), other.end(), same_value);
  return one == other;
}

bool same_json(const std::string& completion, const std::string& expected) {
  const auto one = strict_json(completion), other = strict_json(expected);
  return one && other && same_value(*one, *other);
}

}  // namespace vernier

#pragma once
// Whether a generated record is exactly the expected one: the measure exact_json. Two JSON texts (RFC 8259) are the
// same when they are equal as values: keys in any order, numbers by value (1 is 1.0), true is not 1.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/json.h"

namespace vernier {

// The value of a text that is one JSON document with white space around it; nothing for any other text, or for an
// object that repeats a key. Numbers are read as 64-bit integers or, with a fraction, an exponent or more digits, as
// f64.
std::optional<Json> strict_json(std::string_view text);

bool same_value(const Json& one, const Json& other);

// Both are JSON and equal as values.
bool same_json(const std::string& completion, const std::string& expected);

// How many of the records that were generated are exact.
struct ScoreSums {
  std::int64_t exact = 0, rows = 0;

  void add(bool is_exact) {
    exact += is_exact ? 1 : 0;
    ++rows;
  }
  // 0 without rows.
  double share() const { return rows == 0 ? 0.0 : static_cast<double>(exact) / static_cast<double>(rows); }
};

}  // namespace vernier

#pragma once
// The fields of a JSON object, with the file and the key in every error. null reads as absent.

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "io/json.h"

namespace vernier {

class JsonFields {
 public:
  // `object` outlives this. Errors are of `kind` and name `where`; one is thrown when it is not an object.
  JsonFields(const Json& object, std::string where, ErrorKind kind = ErrorKind::kInput);

  // nullptr when absent or null.
  const Json* find(const std::string& key) const;
  const Json& at(const std::string& key) const;

  // The value, or `otherwise` when absent; an error when there is neither, or the value has another type.
  std::int64_t integer(const std::string& key, std::optional<std::int64_t> otherwise = {}) const;
  double number(const std::string& key, std::optional<double> otherwise = {}) const;
  bool flag(const std::string& key, std::optional<bool> otherwise = {}) const;
  std::string text(const std::string& key, const std::optional<std::string>& otherwise = {}) const;

  // Error at "where: key".
  [[noreturn]] void fail(const std::string& key, const std::string& what, const std::string& fix = "") const;

 private:
  const Json& object_;
  std::string where_;
  ErrorKind kind_;
};

}  // namespace vernier

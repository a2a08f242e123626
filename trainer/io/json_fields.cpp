#include "io/json_fields.h"

#include <limits>
#include <utility>

#include "base/text.h"

namespace vernier {

JsonFields::JsonFields(const Json& object, std::string where, ErrorKind kind)
    : object_(object), where_(std::move(where)), kind_(kind) {
  if (!object_.is_object()) throw Error(kind_, str("expected an object, found ", object_.type_name()), where_);
}

const Json* JsonFields::find(const std::string& key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json& JsonFields::at(const std::string& key) const {
  const Json* const value = find(key);
  if (value == nullptr) fail(key, "is missing");
  return *value;
}

std::int64_t JsonFields::integer(const std::string& key, std::optional<std::int64_t> otherwise) const {
  if (otherwise && find(key) == nullptr) return *otherwise;
  const Json& value = at(key);
  if (!value.is_number_integer()) fail(key, str("expected an integer, found ", value.dump()));
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > kMost) fail(key, "is too large");
  return value.get<std::int64_t>();
}

double JsonFields::number(const std::string& key, std::optional<double> otherwise) const {
  if (otherwise && find(key) == nullptr) return *otherwise;
  const Json& value = at(key);
  if (!value.is_number()) fail(key, str("expected a number, found ", value.dump()));
  return value.get<double>();
}

bool JsonFields::flag(const std::string& key, std::optional<bool> otherwise) const {
  if (otherwise && find(key) == nullptr) return *otherwise;
  const Json& value = at(key);
  if (!value.is_boolean()) fail(key, str("expected true or false, found ", value.dump()));
  return value.get<bool>();
}

std::string JsonFields::text(const std::string& key, const std::optional<std::string>& otherwise) const {
  if (otherwise && find(key) == nullptr) return *otherwise;
  const Json& value = at(key);
  if (!value.is_string()) fail(key, str("expected a string, found ", value.dump()));
  return value.get<std::string>();
}

void JsonFields::fail(const std::string& key, const std::string& what, const std::string& fix) const {
  throw Error(kind_, str(key, ": ", what), where_, fix);
}

}  // namespace vernier

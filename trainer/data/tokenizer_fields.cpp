#include "data/tokenizer_fields.h"

#include "base/error.h"
#include "base/text.h"

namespace vernier {
namespace {

[[noreturn]] void wrong_type(const std::string& key, const char* wanted, const std::string& where) {
  throw Error(ErrorKind::kInput, str("\"", key, "\" must be ", wanted), where);
}

}  // namespace

const Json* json_field(const Json& object, const std::string& key, const std::string& where) {
  if (!object.is_object()) throw Error(ErrorKind::kInput, "an object is needed here", where);
  const auto place = object.find(key);
  return place == object.end() || place->is_null() ? nullptr : &*place;
}

std::optional<std::string> text_field(const Json& object, const std::string& key, const std::string& where) {
  const Json* value = json_field(object, key, where);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong_type(key, "a string", where);
  return value->get<std::string>();
}

std::optional<bool> bool_field(const Json& object, const std::string& key, const std::string& where) {
  const Json* value = json_field(object, key, where);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong_type(key, "true or false", where);
  return value->get<bool>();
}

std::optional<std::int64_t> integer_field(const Json& object, const std::string& key, const std::string& where) {
  const Json* value = json_field(object, key, where);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) wrong_type(key, "a whole number", where);
  return value->get<std::int64_t>();
}

const Json& required_field(const Json& object, const std::string& key, const std::string& where) {
  const Json* value = json_field(object, key, where);
  if (value == nullptr) throw Error(ErrorKind::kInput, str("\"", key, "\" is missing"), where);
  return *value;
}

std::string required_text(const Json& object, const std::string& key, const std::string& where) {
  required_field(object, key, where);
  return *text_field(object, key, where);
}

void refuse_feature(const std::string& feature, const std::string& where) {
  throw Error(ErrorKind::kInput, str(feature, " is not supported by this tokenizer reader"), where,
              "tokenize the data set beforehand (type: tokenized), or use another base model");
}

}  // namespace vernier

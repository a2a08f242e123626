#include "io/json_line.h"

#include "base/check.h"
#include "base/text.h"
#include "io/json.h"

namespace vernier {

JsonLine& JsonLine::number(std::string_view name, double value) {
  key(name);
  text_ += format_float(value);
  return *this;
}

JsonLine& JsonLine::integer(std::string_view name, std::int64_t value) {
  key(name);
  text_ += std::to_string(value);
  return *this;
}

JsonLine& JsonLine::text(std::string_view name, std::string_view value) {
  key(name);
  check(is_utf8(value), "JSON text is UTF-8");
  text_ += Json(value).dump();
  return *this;
}

void JsonLine::key(std::string_view name) {
  check(is_utf8(name), "a JSON key is UTF-8");
  if (text_.size() > 1) text_ += ", ";
  text_ += Json(name).dump() + ": ";
}

}  // namespace vernier

#pragma once
// Typed reading of the small JSON objects in tokenizer files, with the place of what is wrong.

#include <cstdint>
#include <optional>
#include <string>

#include "io/json.h"

namespace vernier {

// The value of `key`; nullptr when `object` has none or it is null. Error(kInput) when `object` is no object.
const Json* json_field(const Json& object, const std::string& key, const std::string& where);

// Error(kInput) at `where` when present with another type; nullopt when absent or null.
std::optional<std::string> text_field(const Json& object, const std::string& key, const std::string& where);
std::optional<bool> bool_field(const Json& object, const std::string& key, const std::string& where);
std::optional<std::int64_t> integer_field(const Json& object, const std::string& key, const std::string& where);

// The same, and Error(kInput) when absent.
const Json& required_field(const Json& object, const std::string& key, const std::string& where);
std::string required_text(const Json& object, const std::string& key, const std::string& where);

// "Error: <feature> is not supported": what we cannot do exactly.
[[noreturn]] void refuse_feature(const std::string& feature, const std::string& where);

}  // namespace vernier

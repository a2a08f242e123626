#pragma once
// JSON documents with places in their errors; the one file that includes nlohmann/json's parser.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace vernier {

// Keeps the order of keys, so that what we write back reads like what we read. A lookup walks the keys: iterate over a
// large object (a vocabulary) instead of asking it for one name after another.
using Json = nlohmann::ordered_json;

// Parses a whole document. `where` names it in errors: Error(kInput, ..., "where:line:column"). Refuses duplicate keys
// of one object, nesting deeper than 256, and bytes that are not UTF-8.
Json parse_json(std::string_view text, const std::string& where);

// Reads and parses a file; Error(kInput) naming the path when it is absent, not a regular file, or over `max_bytes`.
Json read_json_file(const std::string& path, std::size_t max_bytes = std::size_t{256} << 20);

}  // namespace vernier

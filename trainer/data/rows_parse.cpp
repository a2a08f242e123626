#include <algorithm>
#include <vector>

#include "base/text.h"
#include "data/rows.h"

namespace vernier {

namespace {

// The place of byte `offset` of the row's text: an element of a list may span lines.
std::string place_of(const RawRow& row, const std::string& path, std::size_t offset) {
  const std::string_view before = std::string_view(row.text).substr(0, offset);
  const std::size_t line_end = before.rfind('\n');
  if (line_end == std::string_view::npos)
    return str(path, ":", row.line, ":", row.column + static_cast<std::int64_t>(offset));
  return str(path, ":", row.line + std::count(before.begin(), before.end(), '\n'), ":", offset - line_end);
}

// What stands around byte `offset`, on one line: control characters and broken UTF-8 are shown as '?'.
std::string excerpt(std::string_view text, std::size_t offset) {
  constexpr std::size_t kBefore = 40, kAfter = 20;
  const auto continues = [&](std::size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
  };
  std::size_t begin = offset > kBefore ? offset - kBefore : 0;
  std::size_t end = std::min(text.size(), offset + kAfter);
  while (begin < end && continues(begin)) ++begin;
  while (end > begin && continues(end)) --end;
  std::string shown(text.substr(begin, end - begin));
  const bool whole_utf8 = is_utf8(shown);
  for (char& c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !whole_utf8)) c = '?';
  }
  return (begin > 0 ? "..." : "") + shown + (end < text.size() ? "..." : "");
}

// The first byte that does not belong to a well-formed UTF-8 character. Precondition: there is one.
std::size_t first_bad_byte(std::string_view text) {
  std::size_t good = 0;
  while (good < text.size()) {
    std::size_t bytes = 1;
    while (bytes <= 4 && good + bytes <= text.size() && !is_utf8(text.substr(good, bytes))) ++bytes;
    if (bytes > 4 || good + bytes > text.size()) return good;
    good += bytes;
  }
  return good;
}

// How far into `text` the place "...:line:column" of parse_json points.
std::size_t offset_of(std::string_view text, const std::string& where) {
  const std::size_t colon = where.rfind(':');
  const std::size_t colon_before = colon == std::string::npos || colon == 0 ? colon : where.rfind(':', colon - 1);
  if (colon_before == std::string::npos) return 0;
  const auto number = [&](std::size_t begin, std::size_t end) {
    std::size_t value = 0;
    for (std::size_t i = begin; i < end && where[i] >= '0' && where[i] <= '9'; ++i)
      value = std::min(value * 10 + static_cast<std::size_t>(where[i] - '0'), text.size() + 1);
    return value;
  };
  std::size_t line = number(colon_before + 1, colon), start = 0;
  for (; line > 1; --line) {
    const std::size_t line_end = text.find('\n', start);
    if (line_end == std::string_view::npos) break;
    start = line_end + 1;
  }
  const std::size_t column = number(colon + 1, where.size());
  return std::min(text.size(), start + (column > 0 ? column - 1 : 0));
}

// The parser quotes the whole value that it stopped in ("; last read: '...'"), which may be megabytes: the excerpt says
// enough. What it expected instead comes after.
std::string without_last_read(const std::string& what) {
  constexpr std::size_t kLongestExpected = 60;
  const std::size_t quote = what.find("; last read: ");
  if (quote == std::string::npos) return what;
  const std::size_t expected = what.rfind("; expected ");
  const bool after = expected != std::string::npos && expected > quote && what.size() - expected < kLongestExpected;
  return what.substr(0, quote) + (after ? what.substr(expected) : "");
}

}  // namespace

void check_text(const RawRow& row, const std::string& path) {
  const std::size_t nul = row.text.find('\0');
  if (nul != std::string::npos)
    throw Error(ErrorKind::kInput, "a NUL byte in this row, near: " + excerpt(row.text, nul), place_of(row, path, nul),
                "the file is damaged, or not UTF-8 text");
  if (is_utf8(row.text)) return;
  const std::size_t bad = first_bad_byte(row.text);
  throw Error(ErrorKind::kInput, "bytes that are not UTF-8, near: " + excerpt(row.text, bad), place_of(row, path, bad),
              "save the file as UTF-8");
}

Json parse_row(const RawRow& row, const std::string& path) {
  check_text(row, path);
  Json value;
  try {
    value = parse_json(row.text, path);
  } catch (const Error& problem) {
    const std::size_t offset = offset_of(row.text, problem.where());
    throw Error(problem.kind(), str(without_last_read(problem.what()), ", near: ", excerpt(row.text, offset)),
                place_of(row, path, offset),
                problem.fix().empty() && ends_with(path, ".json")
                    ? "a .json data file is a list of objects [{...}, {...}], or has a whole object on each line"
                    : problem.fix());
  }
  if (!value.is_object())
    throw Error(ErrorKind::kInput, str("this row is of the JSON type ", value.type_name(), ", not an object"),
                place_of(row, path, 0),
                "a row is an object {\"key\": value, ...}; a list of them belongs in a .json file");
  return value;
}

std::string describe_keys(const Json& row) {
  constexpr std::size_t kShown = 20;
  if (row.empty()) return "this row has no keys";
  std::vector<std::string> keys;
  for (const auto& item : row.items()) {
    if (keys.size() == kShown) {
      keys.emplace_back("...");
      break;
    }
    keys.push_back(item.key().size() <= 60 ? item.key() : excerpt(item.key(), 40));
  }
  return "this row has the keys " + join(keys, ", ");
}

const std::string& string_field(const Json& row, const std::string& key, const std::string& shape) {
  const auto found = row.find(key);
  if (found == row.end())
    throw Error(ErrorKind::kInput, str("no \"", key, "\": ", describe_keys(row)), "", "expected: " + shape);
  if (!found->is_string())
    throw Error(ErrorKind::kInput, str("\"", key, "\" is of the JSON type ", found->type_name(), ", not a string"), "",
                "expected: " + shape);
  return found->get_ref<const std::string&>();
}

}  // namespace vernier

#include "data/rows_tokenized.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "data/rows.h"

namespace vernier {

namespace {

constexpr const char* kShape = R"(expected: {"input_ids": [1, 2, 3], "labels": [-100, 2, 3]})";

std::vector<std::int32_t> read_ids(const Json& list, const char* key) {
  if (!list.is_array())
    throw Error(ErrorKind::kInput, str("\"", key, "\" is of the JSON type ", list.type_name(), ", not a list"), "",
                kShape);
  std::vector<std::int32_t> ids;
  ids.reserve(list.size());
  for (const Json& value : list) {
    const bool fits = value.is_number_integer() &&
                      (value.is_number_unsigned()
                           ? value.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int32_t>::max()}
                           : value.get<std::int64_t>() >= std::numeric_limits<std::int32_t>::min());
    if (!fits) throw Error(ErrorKind::kInput, str(key, "[", ids.size(), "] is not a 32-bit integer"), "", kShape);
    ids.push_back(value.get<std::int32_t>());
  }
  return ids;
}

void check_attention_mask(const Json& record, std::size_t tokens) {
  const auto mask = record.find("attention_mask");
  if (mask == record.end() || mask->is_null()) return;
  const std::vector<std::int32_t> values = read_ids(*mask, "attention_mask");
  if (values.size() != tokens || std::count(values.begin(), values.end(), 1) != static_cast<std::ptrdiff_t>(tokens))
    throw Error(ErrorKind::kInput, "\"attention_mask\" is not a 1 for each of input_ids", "",
                "rows are given without padding: leave out the positions that the mask hides");
}

// Reads the common form of a row from its start to its end; false at the first byte of any other.
class PlainScan {
 public:
  explicit PlainScan(std::string_view text) : text_(text) {}

  bool take(char expected) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view expected) {
    skip_space();
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  bool ids(std::vector<std::int32_t>& ids) {
    if (!take('[')) return false;
    if (take(']')) return true;
    do {
      if (!id(ids.emplace_back())) return false;
    } while (take(','));
    return take(']');
  }
  bool end() {
    skip_space();
    return at_ == text_.size();
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool id(std::int32_t& id) {
    constexpr std::size_t kMostDigits = 9;
    skip_space();
    const bool negative = at_ < text_.size() && text_[at_] == '-';
    const std::size_t first = at_ += negative ? 1 : 0;
    for (id = 0; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - first < kMostDigits; ++at_)
      id = 10 * id + (text_[at_] - '0');
    const std::size_t digits = at_ - first;
    if (negative) id = -id;
    return digits > 0 && (digits == 1 || text_[first] != '0');
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Row> plain_tokenized_row(std::string_view text) {
  PlainScan scan(text);
  Row row;
  if (!scan.take('{') || !scan.take("\"input_ids\"") || !scan.take(':') || !scan.ids(row.input_ids))
    return std::nullopt;
  if (scan.take(',')) {
    if (!scan.take("\"labels\"") || !scan.take(':') || !scan.ids(row.labels)) return std::nullopt;
    if (row.labels.size() != row.input_ids.size()) return std::nullopt;
  } else {
    row.labels = row.input_ids;
  }
  if (!scan.take('}') || !scan.end()) return std::nullopt;
  return row;
}

Row tokenized_row(const Json& record) {
  const auto ids = record.find("input_ids");
  if (ids == record.end())
    throw Error(ErrorKind::kInput, "no \"input_ids\": " + describe_keys(record), "",
                str(kShape, "; text has type: completion, alpaca or chat_template"));
  Row row;
  row.input_ids = read_ids(*ids, "input_ids");
  check_attention_mask(record, row.input_ids.size());
  if (const auto labels = record.find("labels"); labels != record.end()) {
    row.labels = read_ids(*labels, "labels");
    if (row.labels.size() != row.input_ids.size())
      throw Error(ErrorKind::kInput,
                  str("input_ids has ", row.input_ids.size(), " elements and labels has ", row.labels.size()), "",
                  kShape);
    return row;
  }
  for (const char* misspelt : {"label", "Labels", "target_ids", "targets"})
    if (record.contains(misspelt))
      throw Error(ErrorKind::kInput, str("no \"labels\", but \"", misspelt, "\""), "", kShape);
  row.labels = row.input_ids;
  return row;
}

}  // namespace vernier

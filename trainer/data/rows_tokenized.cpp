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

}  // namespace

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

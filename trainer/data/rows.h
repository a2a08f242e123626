#pragma once
// The rows of a data file, one at a time and in bounded memory: JSON Lines, a JSON list of objects, or plain text with
// a row a line. A row knows where it begins, so that every message about it can name file:line:column.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "io/json.h"

namespace vernier {

class RowSource;

// A row as it stands in the file, not parsed yet.
struct RawRow {
  std::string text;         // a line without its end, or one element of a JSON list
  std::int64_t line = 0;    // 1-based, where it begins
  std::int64_t column = 1;  // 1-based, in bytes
};

// A row longer than this is an Error, so that a file without line ends cannot fill the memory.
inline constexpr std::size_t kMaxRowBytes = std::size_t{64} << 20;

class RowReader {
 public:
  // Opens `path`, by its ending: .jsonl and .ndjson hold an object a line, .txt a row of text a line, .json a list of
  // objects or, when it does not begin with '[', an object a line. CRLF, a missing last line end and a UTF-8 byte order
  // mark are fine; blank lines are skipped. Error(kInput) for a file that is absent, not regular or of another kind.
  explicit RowReader(const std::string& path, std::size_t max_row_bytes = kMaxRowBytes);
  ~RowReader();
  RowReader(RowReader&&) noexcept;

  // The next row, or false at the end. Error(kInput) with its place where the rows cannot be told apart any more: an
  // over-long row, a list that is cut off or not well formed between its elements.
  bool next(RawRow& row);
  bool is_text() const;  // the rows are text, not JSON

 private:
  bool next_line(RawRow& row);
  bool next_element(RawRow& row);
  bool begin_list();
  bool end_list();
  void read_element(RawRow& row);

  std::string path_;
  std::size_t max_row_bytes_;
  bool text_ = false, list_ = false, list_begun_ = false, list_ended_ = false;
  std::unique_ptr<RowSource> source_;
};

// The JSON object of a row. Error(kInput) at file:line:column, with an excerpt, when it is not one: broken JSON,
// another kind of value, a NUL byte, bytes that are not UTF-8.
Json parse_row(const RawRow& row, const std::string& path);

// Error(kInput) at file:line:column for a row of text with a NUL byte or bytes that are not UTF-8.
void check_text(const RawRow& row, const std::string& path);

// "this row has the keys instruction, output": for messages about a missing one.
std::string describe_keys(const Json& row);

// The string under `key`. Error(kInput) without a place when the row has none; `shape` shows the row we expect.
const std::string& string_field(const Json& row, const std::string& key, const std::string& shape);

}  // namespace vernier

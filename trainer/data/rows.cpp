#include "data/rows.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "data/rows_source.h"

namespace vernier {

namespace {

std::string lower_extension(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return extension;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

}  // namespace

RowReader::RowReader(const std::string& path, std::size_t max_row_bytes) : path_(path), max_row_bytes_(max_row_bytes) {
  const std::string extension = lower_extension(path);
  text_ = extension == ".txt";
  if (!text_ && extension != ".jsonl" && extension != ".ndjson" && extension != ".json")
    throw Error(ErrorKind::kInput,
                extension.empty() ? "this data file has no ending that says its kind"
                                  : str("data files of the kind \"", extension, "\" cannot be read"),
                path,
                "supported: .jsonl (an object a line), .json (a list of objects), .txt (completion: a row a line)");
  source_ = std::make_unique<RowSource>(path);
  if (extension != ".json") return;
  list_ = source_->skip_space() == '[';
}

RowReader::~RowReader() = default;
RowReader::RowReader(RowReader&&) noexcept = default;

bool RowReader::is_text() const {
  return text_;
}

bool RowReader::next(RawRow& row) {
  return list_ ? next_element(row) : next_line(row);
}

bool RowReader::next_line(RawRow& row) {
  while (true) {
    row.text.clear();
    row.line = source_->line();
    row.column = source_->column();
    if (!source_->get_line(row.text, max_row_bytes_)) return false;
    if (row.text.size() > max_row_bytes_)
      throw Error(ErrorKind::kInput, str("this line is longer than ", format_bytes(max_row_bytes_)),
                  str(path_, ":", row.line, ":", row.column), "a .jsonl or .txt file has a row on each line");
    if (!row.text.empty() && row.text.back() == '\r') row.text.pop_back();
    if (!is_blank(row.text)) return true;
  }
}

bool RowReader::next_element(RawRow& row) {
  if (list_ended_) return false;
  if (list_begun_ ? end_list() : !begin_list()) return false;
  const int first = source_->skip_space();
  if (first < 0)
    throw Error(ErrorKind::kInput, "the list is cut off: the file ends before its \"]\"", source_->place());
  if (first != '{')
    throw Error(ErrorKind::kInput,
                first == ']' ? "a comma before the end of the list" : "an element of the list is not an object",
                source_->place(), "a .json data file is a list of objects: [{...}, {...}]");
  read_element(row);
  return true;
}

bool RowReader::begin_list() {
  source_->get();
  list_begun_ = true;
  if (source_->skip_space() != ']') return true;
  end_list();
  return false;
}

// After an element: takes a comma (false), or the "]" and the white space after it (true).
bool RowReader::end_list() {
  const int next = source_->skip_space();
  if (next == ',') {
    source_->get();
    return false;
  }
  if (next < 0) throw Error(ErrorKind::kInput, "the list is cut off: the file ends before its \"]\"", source_->place());
  if (next != ']')
    throw Error(ErrorKind::kInput, "a \",\" or \"]\" is missing after this list's element", source_->place());
  source_->get();
  if (source_->skip_space() >= 0)
    throw Error(ErrorKind::kInput, "there is something after the end of the list", source_->place(),
                "a .json data file is one list of objects: [{...}, {...}]");
  list_ended_ = true;
  return true;
}

void RowReader::read_element(RawRow& row) {
  row.text.clear();
  row.line = source_->line();
  row.column = source_->column();
  std::string open;  // the brackets that are to be closed, innermost last
  bool in_string = false;
  do {
    const int byte = source_->peek();
    if (byte < 0) {
      parse_row(row, path_);
      throw Error(ErrorKind::kInput, "the file ends inside this element", str(path_, ":", row.line, ":", row.column));
    }
    if (in_string && byte == '\n')
      throw Error(ErrorKind::kInput, "a string is not closed before the end of its line", source_->place());
    if (!in_string && (byte == '{' || byte == '[')) open += byte == '{' ? '}' : ']';
    if (!in_string && (byte == '}' || byte == ']')) {
      if (open.back() != byte)
        throw Error(ErrorKind::kInput,
                    str("\"", open.back(), "\" is missing before this \"", static_cast<char>(byte), "\""),
                    source_->place());
      open.pop_back();
    }
    if (byte == '"') in_string = !in_string;
    row.text += static_cast<char>(source_->get());
    if (in_string && byte == '\\' && source_->peek() >= ' ') row.text += static_cast<char>(source_->get());
    if (row.text.size() > max_row_bytes_)
      throw Error(ErrorKind::kInput, str("this element is longer than ", format_bytes(max_row_bytes_)),
                  str(path_, ":", row.line, ":", row.column));
  } while (!open.empty());
}

}  // namespace vernier

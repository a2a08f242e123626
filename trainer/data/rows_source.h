#pragma once
// The bytes of a data file through one buffer, with the line and column of the next one.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vernier {

class RowSource {
 public:
  // Skips a UTF-8 byte order mark. Error(kInput) when the file cannot be opened, is not regular or is compressed.
  explicit RowSource(const std::string& path);
  ~RowSource();
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  // The next byte, or -1 at the end. Error(kResource) when reading fails.
  int peek() {
    if (begin_ == end_ && !fill()) return -1;
    return static_cast<unsigned char>(buffer_[begin_]);
  }
  int get() {
    const int byte = peek();
    if (byte < 0) return byte;
    ++begin_;
    ++column_;
    if (byte == '\n') {
      ++line_;
      column_ = 1;
    }
    return byte;
  }
  // Appends the bytes up to the next line end, which is taken and left out, to `text`; stops early once `text` holds
  // more than `limit`. False when nothing was left.
  bool get_line(std::string& text, std::size_t limit);

  // The next byte that is no JSON white space, not taken; -1 at the end.
  int skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') get();
    return peek();
  }

  std::string place() const { return path_ + ":" + std::to_string(line_) + ":" + std::to_string(column_); }
  std::int64_t line() const { return line_; }
  std::int64_t column() const { return column_; }

 private:
  bool fill();

  std::string path_;
  int file_ = -1;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::int64_t line_ = 1, column_ = 1;
};

}  // namespace vernier

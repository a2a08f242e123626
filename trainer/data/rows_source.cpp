#include "data/rows_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

using Magic = std::pair<std::string_view, const char*>;
constexpr std::array<Magic, 8> kForeign = {{{"\x1F\x8B", "gzip"},
                                            {"\x28\xB5\x2F\xFD", "zstd"},
                                            {"BZh", "bzip2"},
                                            {"\xFD"
                                             "7zXZ",
                                             "xz"},
                                            {"PK\x03\x04", "zip"},
                                            {"PAR1", "Parquet"},
                                            {"\xFF\xFE", "UTF-16"},
                                            {"\xFE\xFF", "UTF-16"}}};

void refuse_foreign(std::string_view head, const std::string& path) {
  for (const auto& [magic, name] : kForeign) {
    if (!head.starts_with(magic)) continue;
    throw Error(ErrorKind::kInput, str("the bytes of this data file are ", name, ", not UTF-8 text"), path,
                "give the plain file: .jsonl, .json or .txt in UTF-8");
  }
}

}  // namespace

RowSource::RowSource(const std::string& path) : path_(path), buffer_(kBufferBytes) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0)
    throw Error(ErrorKind::kInput, str("cannot read this data file: ", std::strerror(errno)), path);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::kInput, "this data file is not a regular file", path);
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) throw Error(ErrorKind::kInput, str("cannot read this data file: ", std::strerror(errno)), path);
  try {
    fill();
    const std::string_view head(buffer_.data(), end_);
    refuse_foreign(head, path);
    if (head.starts_with("\xEF\xBB\xBF")) begin_ = 3;
  } catch (...) {
    close(file_);
    throw;
  }
}

RowSource::~RowSource() {
  close(file_);
}

bool RowSource::fill() {
  begin_ = end_ = 0;
  while (true) {
    const ssize_t count = read(file_, buffer_.data(), buffer_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      throw Error(ErrorKind::kResource, str("reading this data file failed: ", std::strerror(errno)), path_);
    end_ = static_cast<std::size_t>(count);
    return end_ > 0;
  }
}

bool RowSource::get_line(std::string& text, std::size_t limit) {
  if (peek() < 0) return false;
  while (peek() >= 0) {
    const char* start = buffer_.data() + begin_;
    const auto* line_end = static_cast<const char*>(std::memchr(start, '\n', end_ - begin_));
    const auto count = static_cast<std::size_t>((line_end != nullptr ? line_end : buffer_.data() + end_) - start);
    text.append(start, count);
    begin_ += count;
    column_ += static_cast<std::int64_t>(count);
    if (line_end != nullptr) {
      get();
      break;
    }
    if (text.size() > limit) break;
  }
  return true;
}

}  // namespace vernier

#pragma once
// metrics.jsonl: a line a step, appended in one write(2) each, so that a killed run leaves whole lines. A checkpoint
// records the length, and a resume cuts the file back to it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/open_file.h"
#include "io/output_lock.h"

namespace vernier {

class MetricsFile {
 public:
  // Opens `name` in the lock's directory for appending, creating it. Errors as io/atomic_file's.
  MetricsFile(const OutputLock& lock, const std::string& name);
  MetricsFile(MetricsFile&& other) noexcept = default;
  MetricsFile& operator=(MetricsFile&&) = delete;
  MetricsFile(const MetricsFile&) = delete;

  // One line; the newline is added. A line that does not fit on the disk is taken back whole: Error(kResource).
  // Precondition: no newline inside.
  void append(std::string_view line);
  // Flushes to the disk: before the checkpoint that records bytes().
  void sync();
  // The file's length: what a checkpoint records.
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::string path_;
  OpenFile file_;
  std::uint64_t bytes_ = 0;
};

// Cuts the file back to the `bytes` that a checkpoint recorded, and flushes it. When it is absent, shorter, or has no
// line ending there, what is left are the whole lines within `bytes`, and the answer says so for the user; otherwise
// nullopt. Errors as io/atomic_file's.
std::optional<std::string> cut_back(const OutputLock& lock, const std::string& name, std::uint64_t bytes);

}  // namespace vernier

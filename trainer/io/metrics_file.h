#pragma once
// metrics.jsonl: a line a step, appended in one write(2) each, so that a killed run leaves whole lines. A checkpoint
// records the length and a hash, and a resume cuts the file back and compares.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "io/open_file.h"
#include "io/output_lock.h"

namespace vernier {

// What a checkpoint records of the file: the length, and the XXH3-64 of so many bytes as hex.
struct MetricsMark {
  std::uint64_t bytes = 0;
  std::string xxh3;
};

class MetricsFile {
 public:
  // Opens `name` in the lock's directory for appending, creating it, and reads what it holds for the hash. Errors as
  // io/atomic_file's, and Error(kInput) when it cannot be read.
  MetricsFile(const OutputLock& lock, const std::string& name);
  MetricsFile(MetricsFile&& other) noexcept = default;
  MetricsFile& operator=(MetricsFile&&) = delete;
  MetricsFile(const MetricsFile&) = delete;

  // One line; the newline is added. A line that does not fit on the disk is taken back whole: Error(kResource).
  // Precondition: no newline inside.
  void append(std::string_view line);
  // Flushes to the disk: before the checkpoint that records mark().
  void sync();
  // The file as it should be: the hash is of what was appended, not of what the disk gives back.
  MetricsMark mark() const;

 private:
  std::string path_;
  OpenFile file_;
  std::uint64_t bytes_ = 0;
  Xxh3 hash_;
};

// Cuts the file back to the length that a checkpoint recorded, and flushes it. When it is absent, shorter, or has no
// line ending there, what is left are the whole lines within that length; when it has another hash, it stays as it is.
// The answer says so for the user; nullopt when the file is the one that was recorded. Errors as io/atomic_file's, and
// Error(kInput) when it cannot be read.
std::optional<std::string> cut_back(const OutputLock& lock, const std::string& name, const MetricsMark& recorded);

}  // namespace vernier

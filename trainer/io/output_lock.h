#pragma once
// One run at a time in an output directory: flock(2) on DIR/.lock, which holds the process id of the run. The kernel
// frees it when the holder ends in any way; the file itself stays.

#include <string>

namespace vernier {

class OutputLock {
 public:
  // Precondition: the directory exists. Error(kInput) naming the holder's process id when another run has it, and when
  // the directory cannot be written to or its file system has no locks.
  explicit OutputLock(const std::string& output_dir);
  ~OutputLock();
  OutputLock(OutputLock&& other) noexcept;
  OutputLock& operator=(OutputLock&&) = delete;
  OutputLock(const OutputLock&) = delete;

  const std::string& output_dir() const { return output_dir_; }

 private:
  std::string output_dir_;
  int file_ = -1;
};

}  // namespace vernier

#pragma once
// One run at a time in an output directory: flock(2) on DIR/.lock, which holds the process id of the run. The kernel
// frees it when the holder ends in any way; the file itself stays.
//
// Whatever writes into the directory asks for its lock, writes through the lock's file system, and first lets the lock
// confirm that the directory's name still leads to the directory that was locked.

#include <string>

#include "io/file_system.h"
#include "io/open_file.h"

namespace vernier {

class OutputLock {
 public:
  // Precondition: the directory exists. Error(kInput) naming the holder's process id when another run has it, and when
  // the directory cannot be written to or its file system has no locks.
  explicit OutputLock(const std::string& output_dir, FileSystem& files = local_file_system());
  ~OutputLock();
  OutputLock(OutputLock&& other) noexcept = default;
  OutputLock& operator=(OutputLock&&) = delete;
  OutputLock(const OutputLock&) = delete;

  const std::string& output_dir() const { return output_dir_; }
  FileSystem& files() const { return *files_; }
  // Where `name` lies in the directory.
  std::string path(const std::string& name) const { return output_dir_ + "/" + name; }

  // Error(kResource) when the directory or its .lock was removed or replaced since it was locked: what lies under the
  // name now is not this run's to write into.
  void confirm() const;

 private:
  FileSystem* files_;
  std::string output_dir_;
  OpenFile file_;
};

}  // namespace vernier

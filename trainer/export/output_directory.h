#pragma once
// A directory that appears whole or not at all: filled beside its place under a temporary name, then renamed.

#include <cstdint>
#include <string>

namespace vernier {

class OutputDirectory {
 public:
  // Error(kInput) when `path` is a file or a directory that holds something. Makes nothing yet.
  explicit OutputDirectory(const std::string& path);
  ~OutputDirectory();  // without commit(): removes what was written
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  // Error(kResource) when the disk under the directory has less than `bytes` free.
  void require_space(std::uint64_t bytes) const;
  // Makes the temporary directory and those above it, and gives its path.
  const std::string& open();
  // Flushes the temporary directory and gives it its name.
  void commit();

  const std::string& path() const { return path_; }  // absolute, without a trailing slash

 private:
  std::string path_, staging_;
  bool opened_ = false;
};

}  // namespace vernier

#include "export/output_directory.h"

#include <exception>
#include <filesystem>
#include <system_error>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/free_space.h"

namespace vernier {

namespace {

namespace fs = std::filesystem;

std::string whole_path(const std::string& given) {
  if (given.empty()) throw Error(ErrorKind::kInput, "the output directory has no name", "--out", "--out DIR");
  const fs::path path = fs::absolute(given).lexically_normal();
  return path.has_filename() ? path.string() : path.parent_path().string();
}

}  // namespace

OutputDirectory::OutputDirectory(const std::string& path) : path_(whole_path(path)), staging_(temporary_path(path_)) {
  std::error_code failure;
  const fs::file_status status = fs::symlink_status(path_, failure);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status))
    throw Error(ErrorKind::kInput, "something that is no directory has this name", path_, "name another --out");
  const bool empty = fs::is_empty(path_, failure);
  if (failure) throw Error(ErrorKind::kInput, str("cannot be read: ", failure.message()), path_);
  if (!empty)
    throw Error(ErrorKind::kInput, "the directory is not empty, and nothing is written over", path_,
                "name another --out, or remove the directory first");
}

OutputDirectory::~OutputDirectory() {
  if (!opened_) return;
  try {
    remove_tree(staging_);
  } catch (const std::exception&) {
    // The error that led here is the one to show.
  }
}

void OutputDirectory::require_space(std::uint64_t bytes) const {
  require_free_space(path_, bytes);
}

const std::string& OutputDirectory::open() {
  check(!opened_, "the directory is opened once");
  remove_tree(staging_);
  make_directories(staging_);
  opened_ = true;
  return staging_;
}

void OutputDirectory::commit() {
  check(opened_, "commit follows open");
  sync_directory(staging_);
  replace_by_rename(staging_, path_);
  opened_ = false;
}

}  // namespace vernier

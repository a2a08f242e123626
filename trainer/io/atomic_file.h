#pragma once
// Files that are whole or absent after a stop at any instant: written under a temporary name, flushed to the disk,
// renamed, and the directory flushed. What writes in this room (io/run_store, io/output_lock, io/metrics_file) reaches
// the disk through these functions, so that every failure reads the same.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vernier {

// The bytes appear under `path` at once, instead of what was there; nothing is left behind on failure.
// Error(kInput) when the place cannot be written to, Error(kResource) naming the missing bytes on a full or failing
// disk.
void write_file_atomically(const std::string& path, std::string_view bytes);

// Writes `path` in place and flushes it; removes it on failure. Errors as above.
void write_file_synced(const std::string& path, std::string_view bytes);

// Flushes a file's bytes or a directory's entries to the disk. Errors as above.
void sync_file(const std::string& path);
void sync_directory(const std::string& path);

// `from` takes the place of `to` (of a file, an empty directory or nothing), and the directory of `to` is flushed. The
// caller has flushed the bytes of `from`. Both must lie on one file system. Errors as above.
void replace_by_rename(const std::string& from, const std::string& to);

// The directory with all above it; no error when it exists. Error(kInput) when something on the way is not a directory
// or not writable.
void make_directories(const std::string& path);

// Where to write the bytes that replace_by_rename puts under `path`: PATH.tmp-PID. What a crash leaves under such names
// is removed by clean_leftovers (io/run_store).
std::string temporary_path(const std::string& path);

// A file, or a directory with all it holds; no error when it is absent.
void remove_tree(const std::string& path);

// The directory that holds `path`: "." for a bare name.
std::string parent_directory(const std::string& path);

// The Error for the errno `code` of a system call that writes: `doing` reads like "writing". `missing` of `total` bytes
// did not reach the disk (total 0: no bytes were at stake).
Error write_error(int code, const std::string& doing, const std::string& path, std::uint64_t missing = 0,
                  std::uint64_t total = 0);

}  // namespace vernier

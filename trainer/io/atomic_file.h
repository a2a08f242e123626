#pragma once
// Files that are whole or absent after a stop at any instant: written under a temporary name, flushed to the disk,
// renamed, and the directory flushed. What writes in this room (io/run_store, io/output_lock, io/metrics_file) reaches
// the disk through these functions, so that every failure reads the same. Files of an output directory are written by
// io/run_files, which passes the file system of its lock.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/file_system.h"

namespace vernier {

// The bytes appear under `path` at once, instead of what was there; nothing is left behind on failure.
// Error(kInput) when the place cannot be written to, Error(kResource) naming the missing bytes on a full or failing
// disk.
void write_file_atomically(const std::string& path, std::string_view bytes, FileSystem& files = local_file_system());

// Writes `path` in place and flushes it; removes it on failure. Errors as above.
void write_file_synced(const std::string& path, std::string_view bytes, FileSystem& files = local_file_system());

// Flushes a file's bytes or a directory's entries to the disk. Errors as above.
void sync_file(const std::string& path, FileSystem& files = local_file_system());
void sync_directory(const std::string& path, FileSystem& files = local_file_system());

// `from` takes the place of `to` (of a file, an empty directory or nothing), and the directory of `to` is flushed. The
// caller has flushed the bytes of `from`. Both must lie on one file system. Errors as above.
void replace_by_rename(const std::string& from, const std::string& to, FileSystem& files = local_file_system());

// The directory with all above it; no error when it exists. Error(kInput) when something on the way is not a directory
// or not writable.
void make_directories(const std::string& path, FileSystem& files = local_file_system());

// Where to write the bytes that replace_by_rename puts under `path`: PATH.tmp-PID. What a crash leaves under such names
// is removed by clean_leftovers (io/run_store).
std::string temporary_path(const std::string& path);

// A file, or a directory with all it holds; no error when it is absent. Links are removed, not followed.
void remove_tree(const std::string& path, FileSystem& files = local_file_system());

// As remove_tree, for cleaning up after a failure, which is the one to tell: never throws.
void remove_quietly(const std::string& path, FileSystem& files = local_file_system()) noexcept;

// The directory that holds `path`: "." for a bare name.
std::string parent_directory(const std::string& path);

// The Error for the errno `code` of a system call that writes: `doing` reads like "writing". `missing` of `total` bytes
// did not reach the disk (total 0: no bytes were at stake).
Error write_error(int code, const std::string& doing, const std::string& path, std::uint64_t missing = 0,
                  std::uint64_t total = 0);

// The same for a file of `total` bytes (or a directory, 0) that could not be made: also tells when it is the inode
// table that is full, not the disk.
Error creation_error(int code, const std::string& path, std::uint64_t total, FileSystem& files);

}  // namespace vernier

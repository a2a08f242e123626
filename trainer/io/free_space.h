#pragma once
// Room on a disk, asked for before something large is written: a run, a checkpoint, a merged model.

#include <cstdint>
#include <string>

#include "io/file_system.h"

namespace vernier {

// Bytes that this process may still write on the file system of `path`, which need not exist yet: then the nearest
// directory above it counts. The largest number when the file system has no limit or does not tell (statvfs(2)).
std::uint64_t free_bytes(const std::string& path, FileSystem& files = local_file_system());

// Error(kResource) at `path` with the bytes that are needed, free and missing when fewer than `bytes` are free there.
void require_free_space(const std::string& path, std::uint64_t bytes, FileSystem& files = local_file_system());

// True when bytes may be left but no further file or directory can be made: the inode table is full.
bool inodes_used_up(const std::string& path, FileSystem& files = local_file_system());

}  // namespace vernier

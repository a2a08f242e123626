#pragma once
// Room on a disk, asked for before something large is written: a run, a checkpoint, a merged model.

#include <cstdint>
#include <string>

namespace vernier {

// Bytes that this process may still write on the file system of `path`, which need not exist yet: then the nearest
// directory above it counts. The largest number when the file system has no limit or does not tell (statvfs(2)).
std::uint64_t free_bytes(const std::string& path);

// Error(kResource) at `path` with the bytes that are needed, free and missing when fewer than `bytes` are free there.
void require_free_space(const std::string& path, std::uint64_t bytes);

}  // namespace vernier

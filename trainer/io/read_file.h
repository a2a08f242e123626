#pragma once
// Reading whole small files, with the path in every error. Weights go through io/mapped_file instead.

#include <cstddef>
#include <string>

#include "io/file_system.h"

namespace vernier {

// Error(kInput) naming the path when it is absent (also a dangling link), a directory, pipe or device.
void require_regular_file(const std::string& path, FileSystem& files = local_file_system());

// The file's bytes. Error(kInput) as above, or when it cannot be read or is over `max_bytes`.
std::string read_file(const std::string& path, std::size_t max_bytes = std::size_t{256} << 20,
                      FileSystem& files = local_file_system());

// True for a name that stays inside its directory: not empty, ".", "..", and without '/' or NUL.
bool is_plain_file_name(const std::string& name);

}  // namespace vernier

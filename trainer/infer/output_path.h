#pragma once
// Whether a result can be written where it is asked for, said before the work and not after it.

#include <string>
#include <vector>

namespace vernier {

// Error(kInput) when `path` is a directory, one of the files that are read, or in a directory that is absent or not
// writable.
void check_output_path(const std::string& path, const std::vector<std::string>& inputs);

}  // namespace vernier

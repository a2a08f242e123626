#pragma once
// Where the states of a paged optimizer go that do not fit into memory.

#include <string>

#include "config/config.h"

namespace vernier {

// paging_dir; without one, output_dir or what there is of the path to it.
std::string paging_directory(const Config& config);

}  // namespace vernier

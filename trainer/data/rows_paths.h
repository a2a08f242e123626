#pragma once
// The files that the `path` of a data set names: one file, a folder, or a pattern with * ? [...].

#include <string>
#include <vector>

#include "config/config.h"

namespace vernier {

// Sorted by name (bytewise). A folder stands for the data files directly in it: .jsonl, .ndjson, .json, and .txt for
// completion; files that hold data in a kind we cannot read (.csv, .parquet, .gz, ...) are refused rather than passed
// over, others (a README, hidden files) are not data. Error(kInput) at the entry's place when nothing is found; it says
// so when the path exists beside the configuration file.
std::vector<std::string> find_data_files(const DatasetConfig& dataset);

}  // namespace vernier

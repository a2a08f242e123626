#pragma once
// The entries of `datasets:` and `test_datasets:`, in Axolotl's form. Their keys are a list of their own, walked by
// reading, writing and the reference. A key that the entry's type does not use is an error.

#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/report.h"
#include "config/yaml_node.h"

namespace vernier {

struct EntryKey {
  std::string name;
  std::string values;
  std::string default_text;
  std::string help;
  std::vector<DatasetType> types;  // the types that use it; empty: all
  std::function<void(const YamlNode&, DatasetConfig&, Report&)> read;
  std::function<std::string(const DatasetConfig&)> write;
};

const std::vector<EntryKey>& entry_keys();

std::string dataset_type_name(DatasetType type);

// `key` is "datasets" or "test_datasets".
std::vector<DatasetConfig> read_dataset_entries(const std::string& key, const YamlNode& node, Report& report);
// A block that starts with a newline; "" for no entries. Positions (`where`) are not written.
std::string write_dataset_entries(const std::vector<DatasetConfig>& entries);

}  // namespace vernier

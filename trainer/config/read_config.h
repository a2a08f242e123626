#pragma once
// A YAML file and command-line overrides to a Config: every problem at once with its place, notes about spellings and
// keys without effect, and where each value came from. Rules: docs/config.md.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/report.h"

namespace vernier {

// Where a value came from.
struct Origin {
  bool is_default = true;
  std::string reason;  // of a default that follows from other values: "2 * lora_r"
  Place place;         // otherwise: of the name in the file, or the command line

  // "default", "default: 2 * lora_r", "qlora.yaml:3", "command line".
  std::string text() const;
};

struct LoadedConfig {
  Config config;
  std::string path;                       // of the file
  std::string sha256;                     // of its text
  std::map<std::string, Origin> origins;  // by canonical name, for every key
  std::vector<std::string> notes;         // a line each, to show once
};

// Which keys must be there: base_model always; training also needs datasets and output_dir, evaluation datasets or
// test_datasets, merging output_dir.
enum class Purpose { kTrain, kEvaluate, kMerge };

// Error(kInput) with all problems. Overrides as in settings.h.
LoadedConfig read_config(const std::string& path, const std::vector<std::string>& overrides = {},
                         Purpose purpose = Purpose::kTrain);
// The same for a text; `name` stands for the file in places.
LoadedConfig read_config_text(std::string_view text, const std::string& name,
                              const std::vector<std::string>& overrides = {}, Purpose purpose = Purpose::kTrain);

}  // namespace vernier

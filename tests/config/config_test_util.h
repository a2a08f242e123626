#pragma once
// Shared by the tests of config: a smallest valid file, and the message of a refused one.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/read_config.h"

namespace vernier {

// Four lines; a test's own lines start at line 5.
inline const std::string kBase =
    "base_model: models/tiny\n"
    "datasets:\n"
    "  - path: data/rows.jsonl\n"
    "output_dir: runs/x\n";

inline LoadedConfig read_text(const std::string& text, const std::vector<std::string>& overrides = {},
                              Purpose purpose = Purpose::kTrain) {
  return read_config_text(text, "run.yaml", overrides, purpose);
}

// The smallest file with `lines` added.
inline LoadedConfig read_with(const std::string& lines, const std::vector<std::string>& overrides = {}) {
  return read_text(kBase + lines, overrides);
}

// What the user reads when the text is refused; fails the test when it is not.
inline std::string refusal(const std::string& text, const std::vector<std::string>& overrides = {},
                           Purpose purpose = Purpose::kTrain) {
  try {
    read_text(text, overrides, purpose);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.message();
  }
  ADD_FAILURE() << "accepted:\n" << text;
  return "";
}

inline std::string refusal_with(const std::string& lines, const std::vector<std::string>& overrides = {}) {
  return refusal(kBase + lines, overrides);
}

inline bool has_note(const LoadedConfig& loaded, const std::string& part) {
  for (const std::string& note : loaded.notes)
    if (note.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace vernier

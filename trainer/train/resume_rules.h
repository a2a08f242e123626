#pragma once
// Which keys of the config shape the numbers of a run, and whether a resumed run may have another value there.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vernier {

// A key of the config that shapes the numbers, and the setting of the run's identity that it decides: of the same name,
// or one of base_model, tokenizer, data, evaluation, total_steps, rows_per_step.
struct ResumeRule {
  const char* key;  // empty: no key alone decides it
  const char* setting;
  const char* fixed_because;  // nullptr: may change where --allow-change says so
};

// The rules of a setting, never empty: one that is named nowhere may not change.
std::vector<ResumeRule> rules_of_setting(std::string_view setting);

// The settings that the words of --allow-change name, each a key of the config under any spelling. Error(kInput) for a
// word that is no key, and for a key that can never change, with the reason. `notes` gets a line for a key that needs
// no word.
std::set<std::string> allowed_changes(const std::vector<std::string>& words, std::vector<std::string>& notes);

}  // namespace vernier

#pragma once
// What may be another in a resumed run than in its checkpoint. Four kinds of change:
//
//   refused    base, tokenizer, rows, and settings that the adapter or the place in the data rest on
//   allowed    settings of the rest of the run, with a word for each: --allow-change learning_rate
//   listed     settings that shape no number: logging, saving, names
//   noted      another device, or another build of the program: the last bits may differ

#include <set>
#include <string>
#include <vector>

#include "io/json.h"

namespace vernier {

struct RunIdentity;

// Compares the identity in a checkpoint's trainer_state.json (put_identity) with this run's. Error(kInput) at `where`
// with every change that is refused, and every one that needs a word and has none: by the keys that were set otherwise,
// the data by the files that changed. `notes` gets the others.
void compare_runs(const Json& saved, const RunIdentity& now, const std::set<std::string>& allowed,
                  const std::string& where, std::vector<std::string>& notes);

}  // namespace vernier

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

// The settings that the words of --allow-change name, each a key of the config under any spelling. Error(kInput) for a
// word that is no key, and for a key that can never change, with the reason. `notes` gets a line for a key that needs
// no word.
std::set<std::string> allowed_changes(const std::vector<std::string>& words, std::vector<std::string>& notes);

// Compares the identity in a checkpoint's trainer_state.json (put_identity) with this run's. Error(kInput) at `where`
// with every change that is refused, and every one that needs a word and has none. `notes` gets the others.
void compare_runs(const Json& saved, const RunIdentity& now, const std::set<std::string>& allowed,
                  const std::string& where, std::vector<std::string>& notes);

}  // namespace vernier

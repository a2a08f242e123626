#pragma once
// What keys say about each other: pairs that exclude one another, and defaults that follow from other values.

#include <map>
#include <string>

#include "config/keys.h"
#include "config/read_config.h"
#include "config/settings.h"

namespace vernier {

// Keys that are set, by canonical name; the value is ready for Key::read.
struct Assigned {
  const Key* key = nullptr;
  Setting setting;
};
using Assignments = std::map<std::string, Assigned>;

// Of two keys that contradict each other the one on the command line wins, with a note; in one place it is a problem.
void settle_conflicts(Assignments& assigned, Report& report);

// Fills what follows from other values, and notes values without effect. `loaded` has all assigned values.
void apply_rules(const Assignments& assigned, LoadedConfig& loaded, Report& report);

void check_required(Purpose purpose, const LoadedConfig& loaded, const Assignments& assigned, Report& report);

}  // namespace vernier

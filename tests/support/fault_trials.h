#pragma once
// How many random faults a test tries: a few in CI, the release's count when VERNIER_FAULT_TRIALS=release is set
// (scripts/fault_tests.sh). For tests only.

#include <cstdlib>
#include <string_view>

namespace vernier::test {

inline bool release_trials() {
  const char* const wanted = std::getenv("VERNIER_FAULT_TRIALS");
  return wanted != nullptr && std::string_view(wanted) == "release";
}

inline int fault_trials(int in_ci, int for_release) {
  return release_trials() ? for_release : in_ci;
}

}  // namespace vernier::test

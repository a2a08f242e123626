#pragma once
// How many trials the fault tests make: few enough for every run of scripts/test.sh, or as many as a release is held to
// (VERNIER_FAULT_TRIALS=release). Tests print what they counted: docs/reliability.md quotes it.

#include <cstddef>
#include <cstdio>
#include <string>

#include "support/fault_trials.h"

namespace vernier::test {

struct FaultCounts {
  std::size_t power_loss_seeds;  // states of the disk after each power loss
  std::size_t nested_stride;     // a second stop in the recovery from every so many-th of the first stops
  std::size_t real_disk_stride;  // a stop at every so many-th system call where the disk is a real one
  std::size_t data_bit_flips;
  std::size_t lock_rounds;
  std::size_t kills;
};

inline FaultCounts fault_counts() {
  if (release_trials()) return {16, 1, 1, 100000, 200, 100};
#ifdef VERNIER_SANITIZED
  return {4, 61, 41, 5000, 20, 20};
#else
  return {4, 23, 17, 5000, 20, 20};
#endif
}

inline void tell_count(const std::string& what) {
  std::printf("[  COUNTED ] %s\n", what.c_str());
}

}  // namespace vernier::test

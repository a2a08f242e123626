#pragma once
// The sums of an evaluation, whole or up to where a stop has ended it.

#include <cstdint>

namespace vernier {

struct Evaluation {
  std::int64_t rows = 0;  // of the data set, from its first, that are summed
  std::int64_t tokens = 0, targets = 0;
  double loss_sum = 0;  // over the targets, in nats

  // The mean; 0 without targets.
  double loss() const { return targets > 0 ? loss_sum / static_cast<double>(targets) : 0; }
};

}  // namespace vernier

#include "optim/clip.h"

#include <algorithm>
#include <cmath>

namespace vernier {

double gradient_norm(const at::Tensor& gradients, const Device& device) {
  return std::sqrt(device.ops->sum_of_squares(gradients));
}

float clip_factor(double norm, double max_norm) {
  if (max_norm <= 0) return 1;
  return static_cast<float>(std::min(1.0, max_norm / (norm + 1e-6)));
}

}  // namespace vernier

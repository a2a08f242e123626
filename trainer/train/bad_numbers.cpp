#include "train/bad_numbers.h"

#include <cmath>
#include <limits>

#include "base/text.h"

namespace vernier {

namespace {

std::string first_bad_gradient(const LoraParameters& lora, const Device& device) {
  for (const TrainedTensor& tensor : lora.tensors())
    if (!device.ops->all_finite(tensor.gradient)) return tensor.name;
  return "";
}

std::string place_list(const std::vector<std::int64_t>& rows, const Dataset& dataset) {
  constexpr std::size_t kMost = 8;
  std::vector<std::string> places;
  for (const std::int64_t row : rows) {
    if (places.size() == kMost) {
      places.push_back("...");
      break;
    }
    places.push_back(dataset.place(row));
  }
  return join(places, ", ");
}

}  // namespace

std::optional<SkippedStep> find_bad_numbers(double loss, double gradient_norm, float clip_factor,
                                            const LoraParameters& lora, const Device& device, const BadLoss& bad_loss,
                                            const std::vector<std::int64_t>& rows) {
  // Behind a bad loss every gradient is bad, and says nothing about where it began.
  if (!std::isfinite(loss))
    return SkippedStep{str("the loss is ", format_float(loss)), bad_loss.output, bad_loss.rows, true, true};
  const auto bad = [&](const std::string& what) {
    return SkippedStep{str(what, " is ", format_float(gradient_norm)), first_bad_gradient(lora, device), rows};
  };
  if (!std::isfinite(gradient_norm)) return bad("the gradient norm");
  // The optimizer's second moment is an f32: the square of what lies above would stay there as Inf.
  const double most = std::sqrt(static_cast<double>(std::numeric_limits<float>::max()));
  if (gradient_norm * static_cast<double>(clip_factor) >= most)
    return bad("the square of the gradient is Inf in float32: its norm");
  return std::nullopt;
}

std::string explain(const SkippedStep& skipped, const Dataset& dataset) {
  const char* kind = skipped.is_output ? "output" : "gradient";
  const std::string tensor = skipped.tensor.empty() ? "" : str("; first bad ", kind, ": ", skipped.tensor);
  return str(skipped.reason, tensor, "; rows: ", place_list(skipped.rows, dataset));
}

}  // namespace vernier

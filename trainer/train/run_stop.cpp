#include "train/run_stop.h"

#include <algorithm>
#include <limits>

namespace vernier {

namespace {

constexpr double kStepGraceSeconds = 30;

// Of work that has run `seconds` for `share` of it.
double predicted_rest(double share, double seconds) {
  return share > 0 ? seconds * (1 - share) / share : 0;
}

}  // namespace

RunStop::RunStop(const RunSignals& signals, std::optional<double> max_seconds, const Stopwatch& since,
                 double save_seconds)
    : signals_(signals), max_seconds_(max_seconds), since_(since), longest_save_(save_seconds) {}

double RunStop::seconds_left() const {
  if (!max_seconds_) return std::numeric_limits<double>::max();
  // A busy disk may take longer than before.
  return *max_seconds_ - since_.seconds() - 1.5 * longest_save_;
}

bool RunStop::due() const {
  return signals_.stop_requested() || out_of_time();
}

bool RunStop::out_of_time() const {
  return !signals_.stop_requested() && seconds_left() <= longest_step_;
}

void RunStop::check_step(double share, double seconds) const {
  const double rest = predicted_rest(share, seconds);
  if (rest > seconds_left()) throw WorkDropped{};
  if (signals_.stop_requested() && signals_.seconds_since_stop() + rest > kStepGraceSeconds) throw WorkDropped{};
}

void RunStop::check_evaluation(double part_seconds) const {
  if (signals_.stop_requested() || part_seconds > seconds_left()) throw WorkDropped{};
}

void RunStop::step_took(double seconds) {
  longest_step_ = std::max(longest_step_, seconds);
}

void RunStop::save_took(double seconds) {
  longest_save_ = std::max(longest_save_, seconds);
}

}  // namespace vernier

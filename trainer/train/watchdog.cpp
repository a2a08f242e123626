#include "train/watchdog.h"

#include "base/text.h"

namespace vernier {

std::optional<std::string> Watchdog::see(const StepMetrics& metrics, WatchdogState& state) const {
  if (metrics.skipped) {
    if (metrics.skipped->bad_numbers) ++state.bad_in_row;
  } else {
    state.bad_in_row = 0;
    state.high_in_row = threshold_ && metrics.loss > *threshold_ ? state.high_in_row + 1 : 0;
    if (state.high_in_row == 0) state.bad_since.reset();
  }
  const bool bad = state.bad_in_row > 0 || state.high_in_row > 0;
  if (bad && !state.bad_since) state.bad_since = metrics.step;
  std::optional<std::string> reason;
  if (state.bad_in_row >= patience_) {
    reason = str("NaN or Inf in ", count_of(state.bad_in_row, "step"), " in a row");
  } else if (state.high_in_row >= patience_) {
    reason = str("a loss above loss_watchdog_threshold ", *threshold_, " in ", count_of(state.high_in_row, "step"),
                 " in a row");
  }
  if (reason) state.bad_in_row = state.high_in_row = 0;
  return reason;
}

}  // namespace vernier

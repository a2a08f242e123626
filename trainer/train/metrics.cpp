#include "train/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "base/text.h"
#include "io/json_line.h"

namespace vernier {

std::string metrics_line(const StepMetrics& metrics, std::int64_t rss) {
  JsonLine line;
  line.integer("step", metrics.step).number("epoch", metrics.epoch);
  if (metrics.skipped) {
    line.text("skipped", metrics.skipped->reason).text("tensor", metrics.skipped->tensor);
  } else {
    line.number("loss", metrics.loss).number("grad_norm", metrics.grad_norm);
  }
  return line.number("learning_rate", metrics.learning_rate)
      .integer("tokens", metrics.tokens)
      .integer("trained_tokens", metrics.trained_tokens)
      .number("step_seconds", metrics.step_seconds)
      .number("tokens_per_second", metrics.tokens_per_second())
      .integer("peak_rss_bytes", rss)
      .str();
}

std::string evaluation_line(std::int64_t step, double epoch, double eval_loss, std::int64_t eval_tokens) {
  return JsonLine()
      .integer("step", step)
      .number("epoch", epoch)
      .number("eval_loss", eval_loss)
      .integer("eval_tokens", eval_tokens)
      .str();
}

std::string progress_line(const StepMetrics& metrics, std::int64_t total_steps, double seconds_left) {
  std::array<char, 192> buffer{};
  std::snprintf(
      buffer.data(), buffer.size(), "step %lld/%lld  epoch %.2f  loss %.4f  lr %.2e  |g| %.3g  %.0f tok/s  eta %s",
      static_cast<long long>(metrics.step), static_cast<long long>(total_steps), metrics.epoch, metrics.loss,
      metrics.learning_rate, metrics.grad_norm, metrics.tokens_per_second(), format_duration(seconds_left).c_str());
  return buffer.data();
}

std::int64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::int64_t rss_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace vernier

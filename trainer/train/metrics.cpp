#include "train/metrics.h"

#include <sys/resource.h>

#include <array>
#include <cstdio>

#include "base/text.h"

namespace vernier {

std::string metrics_line(const StepMetrics& metrics, std::int64_t rss) {
  return str(
      "{\"step\": ", metrics.step, ", \"epoch\": ", format_float(metrics.epoch),
      ", \"loss\": ", format_float(metrics.loss), ", \"grad_norm\": ", format_float(metrics.grad_norm),
      ", \"learning_rate\": ", format_float(metrics.learning_rate), ", \"tokens\": ", metrics.tokens,
      ", \"trained_tokens\": ", metrics.trained_tokens, ", \"step_seconds\": ", format_float(metrics.step_seconds),
      ", \"tokens_per_second\": ", format_float(metrics.tokens_per_second()), ", \"peak_rss_bytes\": ", rss, "}");
}

std::string evaluation_line(std::int64_t step, double epoch, double eval_loss, std::int64_t eval_tokens) {
  return str("{\"step\": ", step, ", \"epoch\": ", format_float(epoch), ", \"eval_loss\": ", format_float(eval_loss),
             ", \"eval_tokens\": ", eval_tokens, "}");
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

}  // namespace vernier

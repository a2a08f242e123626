#include "commands/bench_report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "base/text.h"
#include "commands/run_device.h"
#include "io/json.h"

namespace vernier {

namespace {

constexpr double kPeaksDiffer = 0.1;  // from here on both are told

std::string bytes(std::int64_t count) {
  return format_bytes(static_cast<std::uint64_t>(count));
}

__attribute__((format(printf, 1, 2))) std::string printed(const char* format, ...) {
  char text[256];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

std::string line(const char* name, const std::string& text) {
  return printed("%-9s ", name) + text + "\n";
}

double recomputed_flops(const BenchStep& step) {
  return step.works[static_cast<std::size_t>(StepPart::kBaseRecomputed)].flops;
}

// Of peak, for `flops` in `seconds`.
double share(const BenchResult& result, double flops, double seconds) {
  return flops / seconds / result.peak();
}

double other_seconds(const BenchStep& step) {
  double seconds = step.metrics.step_seconds;
  for (const PartWork& work : step.works) seconds -= work.seconds;
  return seconds;
}

struct Range {
  double least, most;
};
Range step_seconds(const BenchResult& result) {
  Range range{result.steps.front().metrics.step_seconds, 0};
  for (const BenchStep& step : result.steps) {
    range.least = std::min(range.least, step.metrics.step_seconds);
    range.most = std::max(range.most, step.metrics.step_seconds);
  }
  return range;
}

std::string peak_text(const BenchResult& result) {
  std::string text = printed("%s %.0f GFLOP/s", result.compute.c_str(), result.peak() * 1e-9);
  if (std::abs(result.peak_before - result.peak_after) > kPeaksDiffer * result.peak())
    text += printed(" (%.0f before the steps, %.0f after: the machine was not quiet)", result.peak_before * 1e-9,
                    result.peak_after * 1e-9);
  return text + printed(", memory read %.1f GB/s", result.read_rate * 1e-9);
}

std::string part_rows(const BenchResult& result) {
  const BenchStep& step = result.median();
  const double whole = step.metrics.step_seconds;
  std::string text = printed("\n%-20s %10s %7s %10s %10s\n", "part", "ms", "% step", "GFLOP/s", "% of peak");
  for (std::size_t i = 0; i < kStepParts; ++i) {
    const PartWork& work = step.works[i];
    if (work.seconds <= 0) continue;
    text += printed("%-20s %10.2f %7.1f", step_part_name(static_cast<StepPart>(i)), work.seconds * 1e3,
                    100 * work.seconds / whole);
    if (work.flops > 0)
      text +=
          printed(" %10.1f %10.1f", work.flops / work.seconds * 1e-9, 100 * share(result, work.flops, work.seconds));
    text += "\n";
  }
  return text + printed("%-20s %10.2f %7.1f\n", "other", other_seconds(step) * 1e3, 100 * other_seconds(step) / whole);
}

std::string memory_lines(const BenchResult& result) {
  const std::int64_t above = result.peak_rss - result.rss_before_model, floor = result.floor.total();
  return line("memory", str("peak ", bytes(result.peak_rss), ", ", bytes(result.rss_before_model),
                            " of it before the model: ", bytes(above), " above; floor ", bytes(floor), ": ",
                            printed("%.2fx", static_cast<double>(above) / static_cast<double>(floor)))) +
         line("", str("predicted peak ", bytes(result.plan.peak()), ": ", memory_by_purpose(result.plan)));
}

Json parts_json(const BenchResult& result) {
  const BenchStep& step = result.median();
  Json parts;
  for (std::size_t i = 0; i < kStepParts; ++i) {
    const PartWork& work = step.works[i];
    Json& part = parts[step_part_name(static_cast<StepPart>(i))];
    part["seconds"] = work.seconds;
    if (work.flops <= 0) continue;
    part["flops"] = work.flops;
    part["flops_per_second"] = work.flops / work.seconds;
    part["share_of_peak"] = share(result, work.flops, work.seconds);
  }
  parts["other"]["seconds"] = other_seconds(step);
  return parts;
}

Json memory_json(const BenchResult& result) {
  const std::int64_t above = result.peak_rss - result.rss_before_model;
  Json memory;
  memory["peak_rss_bytes"] = result.peak_rss;
  memory["rss_before_model_bytes"] = result.rss_before_model;
  memory["above_bytes"] = above;
  memory["floor_bytes"] = result.floor.total();
  memory["ratio_to_floor"] = static_cast<double>(above) / static_cast<double>(result.floor.total());
  Json& planned = memory["predicted"];
  planned["peak_bytes"] = result.plan.peak();
  planned["runtime"] = result.plan.runtime;
  planned["base"] = result.plan.frozen;
  planned["adapters"] = result.plan.adapters;
  planned["kept"] = result.plan.kept;
  planned["working"] = result.plan.working;
  planned["rows"] = result.plan.data;
  planned["loading"] = result.plan.loading;
  return memory;
}

}  // namespace

const BenchStep& BenchResult::median() const {
  std::vector<const BenchStep*> order;
  for (const BenchStep& step : steps) order.push_back(&step);
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>((order.size() - 1) / 2);
  std::nth_element(order.begin(), middle, order.end(), [](const BenchStep* a, const BenchStep* b) {
    return a->metrics.tokens_per_second() < b->metrics.tokens_per_second();
  });
  return **middle;
}

std::string bench_text(const BenchResult& result) {
  const BenchStep& step = result.median();
  const StepMetrics& metrics = step.metrics;
  const double model = step.flops.model(), again = recomputed_flops(step), seconds = metrics.step_seconds;
  const Range range = step_seconds(result);
  std::string text = line("base", result.base) + line("device", result.device) + line("keeps", result.keep) +
                     line("peak", peak_text(result));
  text += line("step", str(count_of(metrics.tokens, "token"), ", ", count_of(metrics.trained_tokens, "target"),
                           printed(", %.4g s (median of %zu, %.4g to %.4g)", seconds, result.steps.size(), range.least,
                                   range.most)));
  text += line("speed", printed("%.1f tokens/s", metrics.tokens_per_second()));
  text += line("share", printed("%.1f %% of peak by what the model asks for (%.4g TFLOP a step)",
                                100 * share(result, model, seconds), model * 1e-12) +
                            (again > 0 ? printed(", %.1f %% with what is computed again (%.4g TFLOP)",
                                                 100 * share(result, model + again, seconds), (model + again) * 1e-12)
                                       : ""));
  return text + memory_lines(result) + part_rows(result);
}

std::string bench_json(const BenchResult& result) {
  const BenchStep& median = result.median();
  const StepMetrics& metrics = median.metrics;
  const double model = median.flops.model(), again = recomputed_flops(median), seconds = metrics.step_seconds;
  Json json;
  json["vernier"] = VERNIER_VERSION;
  json["base"] = result.base;
  json["device"] = result.device;
  json["compute"] = result.compute;
  json["threads"] = result.threads;
  json["keeps"] = result.keep;
  json["tokens_per_second"] = metrics.tokens_per_second();
  Json& step = json["step"];
  step["tokens"] = metrics.tokens;
  step["targets"] = metrics.trained_tokens;
  step["seconds"] = seconds;
  for (const BenchStep& one : result.steps) step["all_seconds"].push_back(one.metrics.step_seconds);
  Json& flops = json["flops"];
  flops["model"] = model;
  flops["with_recompute"] = model + again;
  flops["with_checkpointing"] = median.flops.with_checkpointing();
  flops["share_of_peak"] = share(result, model, seconds);
  flops["share_of_peak_with_recompute"] = share(result, model + again, seconds);
  Json& peak = json["peak"];
  peak["flops_per_second"] = result.peak();
  peak["before"] = result.peak_before;
  peak["after"] = result.peak_after;
  peak["read_bytes_per_second"] = result.read_rate;
  json["parts"] = parts_json(result);
  json["memory"] = memory_json(result);
  return json.dump();
}

}  // namespace vernier

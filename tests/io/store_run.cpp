#include "io/store_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "io/metrics_file.h"
#include "io/read_file.h"
#include "io/run_files.h"
#include "io/run_store.h"
#include "io/safetensors.h"

namespace vernier::test {
namespace {

constexpr const char* kWeights = "adapter_model.safetensors";
constexpr const char* kRootConfig = "adapter_config.json";

std::string values_of(std::int64_t step) {
  return std::string(static_cast<std::size_t>(4 * (100 + step * 37)), static_cast<char>('a' + step % 26));
}

std::string state_of(std::int64_t step) {
  return str("state of ", step, std::string(static_cast<std::size_t>(step * 51), '.'));
}

std::string metrics_to(std::int64_t step) {
  std::string lines;
  for (std::int64_t i = 1; i <= step; ++i) lines += str("{\"step\": ", i, "}\n");
  return lines;
}

void write_weights(const std::string& path, std::int64_t step, FileSystem& files) {
  const std::string values = values_of(step);
  const auto count = static_cast<std::int64_t>(values.size() / 4);
  SafetensorsWriter writer(path, {{"w", Dtype::kF32, {count}}}, {}, files);
  writer.write(values);
  writer.finish();
}

std::int64_t step_of_name(const std::string& name) {
  return std::stoll(name.substr(name.find('-') + 1));
}

bool exists(FileSystem& files, const std::string& path) {
  struct stat status {};
  return files.stat(path, status) == 0;
}

// The steps of the directories that have a checkpoint's name, or would take it back since nothing else has it.
std::set<std::int64_t> expect_all_whole(FileSystem& files, const std::string& dir) {
  std::vector<std::string> names;
  std::set<std::int64_t> steps;
  files.list(dir, names);
  for (const std::string& name : names) {
    const std::size_t mark = name.find('.');
    const bool takes_back = name.find(".replaced-") == mark && !exists(files, dir + "/" + name.substr(0, mark));
    if (!starts_with(name, "checkpoint-") || (mark != name.npos && !takes_back)) continue;
    EXPECT_NO_THROW(verify_checkpoint(dir + "/" + name, files)) << name;
    steps.insert(step_of_name(name));
  }
  return steps;
}

}  // namespace

std::string mark_text(const MetricsMark& mark) {
  return str(mark.bytes, " ", mark.xxh3);
}

MetricsMark read_mark(const std::string& text) {
  const std::size_t space = text.find(' ');
  return {std::stoull(text.substr(0, space)), text.substr(space + 1)};
}

MetricsMark mark_of(const std::string& bytes) {
  return {bytes.size(), xxh3_hex(xxh3_64(bytes))};
}

void save_step(const OutputLock& lock, std::int64_t step, const MetricsMark& metrics) {
  CheckpointWriter writer(lock, step, 4096);
  writer.write_file("trainer_state.json", state_of(step));
  write_weights(writer.path(kWeights), step, writer.files());
  writer.add_file(kWeights);
  writer.write_file("metrics_mark", mark_text(metrics));
  writer.commit();
}

void run_to_end(FileSystem& files, const std::string& dir, const std::function<void(std::int64_t)>& acknowledge) {
  const OutputLock lock(dir, files);
  std::vector<std::string> notes;
  clean_leftovers(lock, notes);
  const auto newest = newest_good_checkpoint(dir, notes, files);
  const MetricsMark recorded = newest ? read_mark(read_file(newest->path + "/metrics_mark", 100, files)) : mark_of("");
  EXPECT_EQ(cut_back(lock, "metrics.jsonl", recorded), std::nullopt);
  MetricsFile metrics(lock, "metrics.jsonl");
  for (std::int64_t step = newest ? newest->step + 1 : 1; step <= kLastStep; ++step) {
    metrics.append(str("{\"step\": ", step, "}"));
    metrics.sync();
    for (int times = step == 3 ? 2 : 1; times > 0; --times) save_step(lock, step, metrics.mark());
    acknowledge(step);
    prune_checkpoints(lock, 1);
  }
  write_run_file(lock, kRootConfig, "{}");
  write_run_file(lock, kWeights, [&](const std::string& path) { write_weights(path, kLastStep, files); });
}

std::map<std::string, std::string> tree(FileSystem& files, const std::string& dir) {
  std::map<std::string, std::string> found;
  std::vector<std::string> names;
  EXPECT_EQ(files.list(dir, names), 0) << dir;
  for (const std::string& name : names) {
    const std::string path = dir + "/" + name;
    struct stat status {};
    files.lstat(path, status);
    if (S_ISDIR(status.st_mode))
      for (const auto& [below, bytes] : tree(files, path)) found[name + "/" + below] = bytes;
    else
      found[name] = read_file(path, std::size_t{1} << 20, files);
  }
  return found;
}

void expect_promises(FileSystem& files, const std::string& dir, const std::set<std::int64_t>& acknowledged) {
  std::vector<std::string> notes;
  const auto newest = newest_good_checkpoint(dir, notes, files);
  EXPECT_THAT(notes, testing::IsEmpty());
  EXPECT_GE(expect_all_whole(files, dir).size(), std::min<std::size_t>(acknowledged.size(), 2));
  const auto found = tree(files, dir);
  if (const auto weights = found.find(kWeights); weights != found.end()) {
    EXPECT_TRUE(newest);
    EXPECT_TRUE(weights->second.ends_with(values_of(kLastStep)));
    EXPECT_EQ(found.count(kRootConfig), 1u);
  }
  if (const auto config = found.find(kRootConfig); config != found.end()) {
    EXPECT_EQ(config->second, "{}");
  }
  if (!newest) {
    EXPECT_TRUE(acknowledged.empty());
    return;
  }
  if (!acknowledged.empty()) {
    EXPECT_GE(newest->step, *acknowledged.rbegin());
  }
  const std::string name = newest->path.substr(dir.size() + 1);
  EXPECT_EQ(found.at(name + "/trainer_state.json"), state_of(newest->step));
  EXPECT_TRUE(found.at(name + "/" + kWeights).ends_with(values_of(newest->step)));
  const std::string expected = metrics_to(newest->step);
  EXPECT_EQ(found.at(name + "/metrics_mark"), mark_text(mark_of(expected)));
  EXPECT_EQ(found.count("metrics.jsonl") != 0 ? found.at("metrics.jsonl").substr(0, expected.size()) : "", expected);
}

void expect_finished(FileSystem& files, const std::string& dir) {
  expect_promises(files, dir, {kLastStep - 1, kLastStep});
  const auto found = tree(files, dir);
  EXPECT_EQ(found.count(kWeights), 1u);
  EXPECT_EQ(found.at("metrics.jsonl"), metrics_to(kLastStep));
  for (const auto& [path, bytes] : found) {
    const bool at_root = path == kWeights || path == kRootConfig || path == "metrics.jsonl" || path == ".lock";
    EXPECT_TRUE(at_root || path.find_first_not_of("0123456789", 11) == 12) << path;
  }
}

}  // namespace vernier::test

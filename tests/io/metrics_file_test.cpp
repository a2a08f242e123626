#include "io/metrics_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <utility>

#include "io/json.h"
#include "io/json_line.h"
#include "io/test_files.h"

namespace vernier {
namespace {

using test::error_of;
using test::slurp;
using test::TempDir;
using testing::HasSubstr;

MetricsMark mark_of(const std::string& bytes) {
  return {bytes.size(), xxh3_hex(xxh3_64(bytes))};
}

TEST(MetricsFile, AppendsLinesAndKnowsItsLength) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  const std::string path = dir / "metrics.jsonl";
  {
    MetricsFile file(lock, "metrics.jsonl");
    EXPECT_EQ(file.mark().bytes, 0u);
    file.append("{\"step\": 1}");
    file.sync();
    EXPECT_EQ(file.mark().bytes, 12u);
  }
  MetricsFile again(lock, "metrics.jsonl");
  EXPECT_EQ(again.mark().bytes, 12u);
  MetricsFile moved(std::move(again));
  moved.append("{}");
  EXPECT_EQ(slurp(path), "{\"step\": 1}\n{}\n");
  EXPECT_EQ(moved.mark().bytes, 15u);
}

TEST(MetricsFile, ALineThatDoesNotFitIsTakenBackWhole) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  const std::string path = dir / "metrics.jsonl";
  MetricsFile file(lock, "metrics.jsonl");
  file.append("12345");
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit{10, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const Error error = error_of([&] { file.append("123456789"); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_THAT(error.what(), HasSubstr("6 of 10 bytes could not be written"));
  EXPECT_EQ(slurp(path), "12345\n");
  file.append("after");
  EXPECT_EQ(slurp(path), "12345\nafter\n");
  EXPECT_EQ(file.mark().bytes, 12u);
}

TEST(MetricsFile, CutsBackToEveryRecordedLength) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  std::string whole;
  std::vector<std::size_t> ends = {0};
  for (int i = 0; i < 6; ++i) {
    whole += std::string(static_cast<std::size_t>(1 + i * 2000), static_cast<char>('a' + i)) + "\n";
    ends.push_back(whole.size());
  }
  for (const std::size_t end : ends) {
    const std::string path = dir.write("m", whole + "half a li");
    EXPECT_EQ(cut_back(lock, "m", mark_of(whole.substr(0, end))), std::nullopt);
    EXPECT_EQ(slurp(path), whole.substr(0, end));
    EXPECT_EQ(cut_back(lock, "m", mark_of(whole.substr(0, end))), std::nullopt);
    EXPECT_EQ(slurp(path), whole.substr(0, end));
  }
}

TEST(MetricsFile, AShorterOrChangedFileKeepsItsWholeLinesAndSaysSo) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  const std::string shorter = dir.write("s", "one\ntwo\nthr");
  const auto note = cut_back(lock, "s", {20, ""});
  ASSERT_TRUE(note);
  EXPECT_THAT(*note, HasSubstr("11 of the 20 bytes"));
  EXPECT_EQ(slurp(shorter), "one\ntwo\n");

  const std::string changed = dir.write("c", "one\ntwo and more\nthree\n");
  const auto other = cut_back(lock, "c", {8, ""});
  ASSERT_TRUE(other);
  EXPECT_THAT(*other, HasSubstr("kept 4 of 8 bytes"));
  EXPECT_EQ(slurp(changed), "one\n");

  const std::string endless = dir.write("e", std::string(10000, 'x'));
  EXPECT_TRUE(cut_back(lock, "e", {10000, ""}));
  EXPECT_EQ(slurp(endless), "");
}

TEST(MetricsFile, TheMarkIsThatOfTheWholeFile) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  const std::string before = std::string(200000, 'x') + "\n";  // several pieces
  const std::string path = dir.write("m", before);
  MetricsFile file(lock, "m");
  EXPECT_EQ(file.mark().xxh3, mark_of(before).xxh3);
  file.append("{}");
  EXPECT_EQ(file.mark().bytes, before.size() + 3);
  EXPECT_EQ(file.mark().xxh3, mark_of(slurp(path)).xxh3);
}

TEST(MetricsFile, AChangedByteBeforeTheMarkIsToldAndStays) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  const std::string whole = "{\"step\": 1, \"loss\": 6.9}\n{\"step\": 2, \"loss\": 6.8}\n";
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const std::string path = dir.write("m", damaged + "half a li");
    const auto note = cut_back(lock, "m", mark_of(whole));
    ASSERT_TRUE(note) << bit;
    EXPECT_THAT(*note, HasSubstr(path));
    if (bit / 8 + 1 == whole.size()) continue;  // the last line has no end any more
    EXPECT_THAT(*note, HasSubstr("do not have the hash"));
    EXPECT_EQ(slurp(path), damaged);
  }
}

TEST(MetricsFile, AnAbsentFileIsANoteWhenLinesWereRecorded) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  EXPECT_EQ(cut_back(lock, "gone", mark_of("")), std::nullopt);
  const auto note = cut_back(lock, "gone", {5, ""});
  ASSERT_TRUE(note);
  EXPECT_THAT(*note, HasSubstr("gone"));
  EXPECT_FALSE(std::filesystem::exists(dir / "gone"));
}

TEST(MetricsFile, APlaceThatIsNoFileIsAnInputError) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  std::filesystem::create_directory(dir / "directory");
  std::filesystem::create_symlink("/dev/null", dir / "device");
  for (const char* name : {"directory", "device"}) {
    EXPECT_EQ(error_of([&] { MetricsFile file(lock, name); }).kind(), ErrorKind::kInput) << name;
    EXPECT_EQ(error_of([&] { cut_back(lock, name, {1, ""}); }).kind(), ErrorKind::kInput) << name;
  }
  EXPECT_EQ(error_of([&] { MetricsFile file(lock, "absent/m"); }).kind(), ErrorKind::kInput);
}

TEST(JsonLine, WritesWhatReadsBack) {
  const float third = 1.0f / 3.0f;
  const std::string line = JsonLine()
                               .integer("step", 12)
                               .number("loss", static_cast<double>(third))
                               .number("rate", 0)
                               .text("note", "a \"b\"\n\xc3\xa9")
                               .str();
  EXPECT_EQ(line, "{\"step\": 12, \"loss\": 0.333333343, \"rate\": 0, \"note\": \"a \\\"b\\\"\\n\xc3\xa9\"}");
  const Json json = parse_json(line, "line");
  EXPECT_EQ(json["loss"].get<float>(), third);
  EXPECT_EQ(json["note"], "a \"b\"\n\xc3\xa9");
  EXPECT_EQ(JsonLine().str(), "{}");
  EXPECT_EQ(JsonLine().number("x", NAN).number("y", -INFINITY).str(), "{\"x\": NaN, \"y\": -Infinity}");
}

}  // namespace
}  // namespace vernier

#include "base/log.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace vernier {
namespace {

TEST(LogLevel, ReadsItsWords) {
  EXPECT_EQ(parse_log_level("debug"), LogLevel::kDebug);
  EXPECT_EQ(parse_log_level("info"), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("error"), LogLevel::kError);
  EXPECT_EQ(parse_log_level("off"), LogLevel::kOff);
  EXPECT_THROW(parse_log_level("verbose"), Error);
  EXPECT_THROW(parse_log_level(""), Error);
}

TEST(Log, WritesWhatItsLevelShowsToStderr) {
  testing::internal::CaptureStderr();
  const Log log(LogLevel::kInfo);
  log.debug("hidden");
  log.info("loading 100% {} %s");
  log.warning("slow");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "loading 100% {} %s\nwarning: slow\n");
  EXPECT_TRUE(log.shows(LogLevel::kWarning));
  EXPECT_FALSE(log.shows(LogLevel::kDebug));
}

TEST(Log, OffIsSilentAndLiveLinesNeedATerminal) {
  testing::internal::CaptureStderr();
  const Log off(LogLevel::kOff);
  off.warning("no");
  const Log info(LogLevel::kInfo);
  info.live("step 1");
  EXPECT_FALSE(info.is_terminal());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(CutLine, TakesWholeFieldsAway) {
  const std::string line = "step 3/6  loss 1.25  eta 6s";
  EXPECT_EQ(cut_line(line, line.size()), line);
  EXPECT_EQ(cut_line(line, line.size() - 1), "step 3/6  loss 1.25");
  EXPECT_EQ(cut_line(line, 19), "step 3/6  loss 1.25");
  EXPECT_EQ(cut_line(line, 18), "step 3/6");
  EXPECT_EQ(cut_line(line, 4), "step");
  EXPECT_EQ(cut_line("evaluating 12/40 rows", 10), "evaluating");
  EXPECT_EQ(cut_line("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9\xC3\xA9") << "characters, not bytes";
  EXPECT_EQ(cut_line("", 3), "");
}

}  // namespace
}  // namespace vernier

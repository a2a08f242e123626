#include "base/error.h"

#include <gtest/gtest.h>

#include "base/check.h"

namespace vernier {
namespace {

TEST(Error, CarriesKindPlaceAndFix) {
  const Error error(ErrorKind::kIntegrity, "the file is cut off", "model.safetensors", "download it again");
  EXPECT_EQ(error.kind(), ErrorKind::kIntegrity);
  EXPECT_EQ(error.exit_code(), 5);
  EXPECT_STREQ(error.what(), "the file is cut off");
  EXPECT_EQ(error.where(), "model.safetensors");
  EXPECT_EQ(error.fix(), "download it again");
  EXPECT_EQ(error.message(), "model.safetensors: the file is cut off\n  download it again");
}

TEST(Error, LeavesOutAnEmptyPlaceAndFix) {
  EXPECT_EQ(Error(ErrorKind::kInput, "no").message(), "no");
  EXPECT_EQ(Error(ErrorKind::kInput, "no", "a:1:2").message(), "a:1:2: no");
  EXPECT_EQ(Error(ErrorKind::kInput, "no", "", "do").message(), "no\n  do");
}

TEST(Error, EachKindIsItsExitCode) {
  EXPECT_EQ(Error(ErrorKind::kInput, "").exit_code(), 2);
  EXPECT_EQ(Error(ErrorKind::kResource, "").exit_code(), 3);
  EXPECT_EQ(Error(ErrorKind::kNumeric, "").exit_code(), 4);
}

TEST(JoinErrors, KeepsOneErrorAsItIs) {
  const Error joined = join_errors({Error(ErrorKind::kResource, "full", "/tmp", "make room")});
  EXPECT_EQ(joined.where(), "/tmp");
  EXPECT_EQ(joined.fix(), "make room");
  EXPECT_EQ(joined.kind(), ErrorKind::kResource);
}

TEST(JoinErrors, ListsEveryMessageUnderTheFirstKind) {
  const Error joined =
      join_errors({Error(ErrorKind::kInput, "one", "a:1"), Error(ErrorKind::kIntegrity, "two", "b:2", "fix two")});
  EXPECT_EQ(joined.kind(), ErrorKind::kInput);
  EXPECT_EQ(joined.message(), "a:1: one\nb:2: two\n  fix two");
}

TEST(JoinErrorsDeathTest, NeedsAProblem) {
  EXPECT_DEATH(join_errors({}), "join_errors needs a problem");
}

TEST(CheckDeathTest, NamesTheBrokenPreconditionAndItsPlace) {
  check(true, "holds");
  EXPECT_DEATH(check(false, "rows fit"), "internal error: rows fit .*error_test.cpp");
}

}  // namespace
}  // namespace vernier

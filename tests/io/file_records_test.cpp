// Which file changed since it was recorded, and how.

#include "io/file_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/hash.h"
#include "io/test_files.h"

namespace vernier {
namespace {

using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(FileRecords, SayWhichFileChangedAndHow) {
  const TempDir dir;
  const std::string a = dir / "a.jsonl", b = dir / "b.jsonl", c = dir / "c.jsonl";
  for (const std::string& path : {a, b, c}) dir.write(std::filesystem::path(path).filename(), "{1}\n{2}\n");
  const Json before = record_files({a, b});
  EXPECT_EQ(before[0].at("bytes"), 8);
  EXPECT_THAT(file_changes(before, before), IsEmpty());
  EXPECT_THAT(file_changes(Json(), before), IsEmpty()) << "nothing is known of the files before";
  const auto changes = [&](const std::vector<std::string>& paths) { return file_changes(before, record_files(paths)); };
  EXPECT_THAT(changes({a, c}), ElementsAre(c + ": was not among the files", b + ": is no longer among the files"));
  dir.write("a.jsonl", "{1}\n{2}\n{3}\n{4}\n");
  EXPECT_THAT(changes({a, b}), ElementsAre(a + ": 2 lines were appended"));
  dir.write("a.jsonl", "{1}\n{2}\n{3}\n");
  EXPECT_THAT(changes({a, b}), ElementsAre(a + ": 1 line was appended"));
  dir.write("b.jsonl", "{1}\n{7}\n");
  dir.write("a.jsonl", "{1}\n");
  EXPECT_THAT(changes({a, b}), ElementsAre(a + ": 4 bytes shorter", b + ": other bytes within the 8 that it had"));
  dir.write("b.jsonl", "{7}\n{2}\n{3}\n");
  EXPECT_THAT(changes({b}).front(), HasSubstr("other bytes")) << "longer, and changed before its end";
}

// Larger than the pieces it is read in, with the old end inside one.
TEST(FileRecords, FindWhatWasAppendedToALargeFile) {
  const TempDir dir;
  std::string text(200'001, 'x');
  dir.write("large", text);
  const Json before = record_files({dir / "large"});
  EXPECT_EQ(before[0].at("xxh3").get<std::string>(), [&] {
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(xxh3_64(text)));
    return std::string(hex);
  }());
  dir.write("large", text + "y\n" + std::string(70'000, 'z') + "\n");
  EXPECT_THAT(file_changes(before, record_files({dir / "large"})), ElementsAre(HasSubstr("2 lines were appended")));
  EXPECT_THROW(record_files({dir / "absent"}), Error);
}

}  // namespace
}  // namespace vernier

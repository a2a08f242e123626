#include "io/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "io/test_files.h"
#include "support/skips.h"

namespace vernier {
namespace {

// Kilobytes of file-backed pages of this process that are resident.
long resident_file_kb() {
  std::ifstream status("/proc/self/status");
  std::string word;
  long number = -1;
  while (status >> word)
    if (word == "RssFile:") status >> number;
  return number;
}

TEST(MappedFile, GivesTheBytes) {
  const test::TempDir dir;
  const MappedFile file(dir.write("a", "hello"));
  EXPECT_EQ(file.bytes(), "hello");
  file.release(file.bytes());
  file.release(file.bytes().substr(2, 2));
  EXPECT_EQ(file.bytes(), "hello");
}

TEST(MappedFile, EmptyFilesAreEmpty) {
  const test::TempDir dir;
  MappedFile file(dir.write("a", ""));
  EXPECT_TRUE(file.bytes().empty());
  file.release(file.bytes());
  const MappedFile moved(std::move(file));
  EXPECT_TRUE(moved.bytes().empty());
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  const test::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("nowhere", (dir / "dangling").c_str()), 0);
  for (const std::string& path : {dir / "pipe", dir.str(), std::string("/dev/zero"), dir / "none", dir / "dangling"}) {
    const Error error = test::error_of([&] { MappedFile{path}; });
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_EQ(error.where(), path);
  }
}

TEST(MappedFile, ReleaseGivesPagesBack) {
  const test::TempDir dir;
  constexpr std::size_t kBytes = std::size_t{32} << 20;
  const MappedFile file(dir.write("big", std::string(kBytes, 'x')));
  const auto touch = [&] {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < kBytes; i += 4096) sum += static_cast<unsigned char>(file.bytes()[i]);
    return sum;
  };
  const std::size_t sum = touch();
  const long touched = resident_file_kb();
  if (touched < static_cast<long>(kBytes / 1024)) SKIP_MACHINE_LACKS("a kernel that reports RssFile");
  file.release(file.bytes());
  EXPECT_LT(resident_file_kb(), touched - 30 * 1024);
  EXPECT_EQ(touch(), sum);
}

}  // namespace
}  // namespace vernier

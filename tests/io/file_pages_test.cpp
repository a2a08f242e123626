// Pages on a disk against the same pages in memory, for every number in memory; and what a disk can do wrong.

#include "io/file_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "io/test_files.h"
#include "support/disk_directory.h"
#include "support/skips.h"

namespace vernier {
namespace {

using testing::HasSubstr;

class FilePagesTest : public DiskDirectoryTest {};

// Every page's words become a function of what they were, the page and the round.
void change(std::byte* bytes, std::int64_t page, std::int64_t page_bytes, std::uint64_t round) {
  for (std::int64_t at = 0; at < page_bytes; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes + at, 8);
    word = word * 6364136223846793005u + static_cast<std::uint64_t>(page * page_bytes + at) + round;
    std::memcpy(bytes + at, &word, 8);
  }
}

void walk(PageStore& store, const FilePages::Size& size, std::uint64_t round) {
  for (std::int64_t page = 0; page < size.pages; ++page) {
    change(store.acquire(page), page, size.page_bytes, round);
    store.release(page, true);
  }
}

void expect_same(PageStore& actual, PageStore& expected, const FilePages::Size& size, std::int64_t page) {
  const bool same =
      std::memcmp(actual.acquire(page), expected.acquire(page), static_cast<std::size_t>(size.page_bytes)) == 0;
  EXPECT_TRUE(same) << "page " << page << " of " << size.pages << ", " << size.resident << " in memory";
  actual.release(page, false);
  expected.release(page, false);
}

TEST_F(FilePagesTest, HoldWhatMemoryHolds) {
  for (const std::int64_t pages : {3, 7, 12}) {
    for (const std::int64_t page_bytes : {4096, 32768}) {
      for (std::int64_t resident = 2; resident < pages; ++resident) {
        for (const PageFile::Past past : {PageFile::Past::kDirect, PageFile::Past::kDropped}) {
          const FilePages::Size size{pages, page_bytes, resident};
          FilePages store(size, directory_, past);
          MemoryPages memory(pages, page_bytes);
          EXPECT_EQ(store.resident_bytes(), resident * page_bytes);
          for (std::uint64_t round = 1; round <= 3; ++round) {
            walk(store, size, round);
            walk(memory, size, round);
          }
          for (std::int64_t page = pages - 1; page >= 0; --page) expect_same(store, memory, size, page);
        }
      }
    }
  }
}

// In any order, changed or only read, with the same page several times.
TEST_F(FilePagesTest, AreFoundInAnyOrder) {
  const FilePages::Size size{17, 4096, 4};
  FilePages store(size, directory_);
  MemoryPages memory(size.pages, size.page_bytes);
  const RandomStream stream(3, RandomPurpose::kSampling);
  for (std::uint64_t i = 0; i < 800; ++i) {
    const std::int64_t page = static_cast<std::int64_t>(stream.at(2 * i) % 17);
    if (stream.uniform(2 * i + 1) < 0.5f) {
      expect_same(store, memory, size, page);
    } else {
      for (PageStore* const one : {static_cast<PageStore*>(&store), static_cast<PageStore*>(&memory)}) {
        change(one->acquire(page), page, size.page_bytes, i);
        one->release(page, true);
      }
    }
  }
}

TEST_F(FilePagesTest, LeaveNoFileBehind) {
  FilePages store({8, 4096, 2}, directory_);
  walk(store, {8, 4096, 2}, 1);
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(FilePagesTest, AFullDiskShowsAtTheStart) {
  struct statvfs disk {};
  ASSERT_EQ(::statvfs(directory_.c_str(), &disk), 0);
  const auto free = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize) / 4096 * 4096;
  try {
    const PageFile file(directory_, free + (std::int64_t{1} << 40));
    FAIL() << "a file larger than the disk";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kResource);
    EXPECT_THAT(error.message(), HasSubstr("are missing"));
    EXPECT_THAT(error.message(), HasSubstr("paging_dir"));
  }
}

TEST_F(FilePagesTest, AFailingDiskIsSaid) {
  const FilePages::Size size{12, 4096, 2};
  FilePages store(size, directory_);
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 4096;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    for (std::uint64_t round = 0; round < 2; ++round) walk(store, size, round);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kResource);
    message = error.message();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("4096 of 4096 bytes"));
}

TEST(PageFile, AMemoryFileSystemIsRefused) {
  if (!std::filesystem::is_directory("/dev/shm")) SKIP_MACHINE_LACKS("/dev/shm");
  try {
    const PageFile file("/dev/shm", 4096);
    FAIL() << "pages in memory";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_THAT(error.message(), HasSubstr("tmpfs"));
    EXPECT_THAT(error.message(), HasSubstr("set paging_dir to a directory on a disk"));
  }
}

TEST(PageFile, NoDirectoryIsAnError) {
  EXPECT_THROW(PageFile("/nowhere/at/all", 4096), Error);
}

}  // namespace
}  // namespace vernier

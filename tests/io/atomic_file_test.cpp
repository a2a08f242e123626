#include "io/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "io/test_files.h"
#include "support/skips.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::slurp;
using test::TempDir;
using testing::HasSubstr;

std::size_t entries(const TempDir& dir) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir.str()), fs::directory_iterator()));
}

// Files of this process may not grow past `bytes` while it lives; a write past it fails with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(AtomicFile, WritesAndReplaces) {
  const TempDir dir;
  const std::string path = dir / "a.json";
  write_file_atomically(path, "first");
  EXPECT_EQ(slurp(path), "first");
  const std::string large(3 << 20, 'x');
  write_file_atomically(path, large);
  EXPECT_EQ(slurp(path), large);
  write_file_atomically(path, "");
  EXPECT_EQ(slurp(path), "");
  EXPECT_EQ(entries(dir), 1u);
}

TEST(AtomicFile, WritesABareNameInTheWorkingDirectory) {
  const TempDir dir;
  const fs::path before = fs::current_path();
  fs::current_path(dir.str());
  write_file_atomically("bare", "x");
  make_directories("made/below");
  fs::current_path(before);
  EXPECT_EQ(slurp(dir / "bare"), "x");
  EXPECT_TRUE(fs::is_directory(dir / "made/below"));
}

TEST(AtomicFile, AFileThatCannotGrowKeepsTheOldOne) {
  const TempDir dir;
  const std::string path = dir.write("a", "old");
  const FileSizeLimit limit(1000);
  const Error error = error_of([&] { write_file_atomically(path, std::string(1500, 'x')); });
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_EQ(error.where(), path);
  EXPECT_THAT(error.what(), HasSubstr("500 of 1500 bytes could not be written"));
  EXPECT_EQ(slurp(path), "old");
  EXPECT_EQ(entries(dir), 1u);
}

TEST(AtomicFile, AFullDiskKeepsTheOldFileAndSaysWhatIsMissing) {
  const TempDir dir;
  if (::mount("none", dir.str().c_str(), "tmpfs", 0, "size=64k") != 0)
    SKIP_MACHINE_LACKS("the right to mount a tmpfs (the limit of a file's size stands in for it)");
  const std::string path = dir / "a";
  write_file_atomically(path, "old");
  const Error error = error_of([&] { write_file_atomically(path, std::string(200000, 'x')); });
  const std::string left = slurp(path);
  const std::size_t count = entries(dir);
  // What failed left no space behind: the next small write goes through.
  write_file_atomically(path, std::string(20000, 'y'));
  const std::string after = slurp(path);
  ::umount(dir.str().c_str());
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_THAT(error.message(), HasSubstr("the disk is full"));
  EXPECT_THAT(error.message(), testing::ContainsRegex("1[0-9]+ of 200000 bytes could not be written"));
  EXPECT_THAT(error.fix(), HasSubstr("free "));
  EXPECT_EQ(left, "old");
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(after, std::string(20000, 'y'));
}

TEST(AtomicFile, AFileInPlaceOfTheDirectoryIsNamed) {
  const TempDir dir;
  dir.write("file", "x");
  for (const std::string name : {"file", "file/below", "file/below/more"}) {
    const Error error = error_of([&] { make_directories(dir / name); });
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_EQ(error.where(), dir / name);
    EXPECT_THAT(error.what(), HasSubstr(dir / "file"));
  }
  EXPECT_EQ(error_of([&] { write_file_atomically(dir / "file/a", "x"); }).kind(), ErrorKind::kInput);
  EXPECT_EQ(error_of([&] { write_file_atomically(dir / "absent/a", "x"); }).kind(), ErrorKind::kInput);
  EXPECT_EQ(slurp(dir / "file"), "x");
}

TEST(AtomicFile, ADirectoryInPlaceOfTheFileStays) {
  const TempDir dir;
  dir.write("taken/inside", "x");
  const Error error = error_of([&] { write_file_atomically(dir / "taken", "y"); });
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(error.where(), dir / "taken");
  EXPECT_EQ(slurp(dir / "taken/inside"), "x");
  EXPECT_EQ(entries(dir), 1u);
}

// /proc/self takes no new files from anyone, root included.
TEST(AtomicFile, APlaceThatTakesNoFilesIsAnInputError) {
  EXPECT_EQ(error_of([] { write_file_atomically("/proc/self/vernier", "x"); }).kind(), ErrorKind::kInput);
  EXPECT_EQ(error_of([] { make_directories("/proc/self/vernier"); }).kind(), ErrorKind::kInput);
}

TEST(AtomicFile, ANotWritableDirectoryIsAnInputError) {
  if (::geteuid() == 0 && ::seteuid(65534) != 0) SKIP_MACHINE_LACKS("another user to be than root");
  const bool was_root = ::getuid() == 0;
  const Error file = error_of([] { write_file_atomically("/vernier-test", "x"); });
  const Error directory = error_of([] { make_directories("/vernier-test/out"); });
  ASSERT_TRUE(!was_root || ::seteuid(0) == 0);
  for (const Error& error : {file, directory}) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_THAT(error.what(), HasSubstr("not writable"));
    EXPECT_THAT(error.where(), HasSubstr("/vernier-test"));
  }
}

TEST(AtomicFile, ATemporaryNameThatIsALinkIsNotFollowed) {
  const TempDir dir;
  const std::string victim = dir.write("victim", "keep");
  fs::create_symlink(victim, temporary_path(dir / "a"));
  EXPECT_EQ(error_of([&] { write_file_atomically(dir / "a", "x"); }).kind(), ErrorKind::kInput);
  EXPECT_EQ(slurp(victim), "keep");
}

TEST(AtomicFile, DirectoriesAreMadeOnceAndAgain) {
  const TempDir dir;
  make_directories(dir / "a/b/c");
  make_directories(dir / "a/b/c/");
  make_directories(dir / "a/../a/b/d");
  EXPECT_TRUE(fs::is_directory(dir / "a/b/c"));
  EXPECT_TRUE(fs::is_directory(dir / "a/b/d"));
  fs::create_directory_symlink(dir / "a", dir / "link");
  make_directories(dir / "link/e");
  EXPECT_TRUE(fs::is_directory(dir / "a/e"));
  fs::create_symlink(dir / "nowhere", dir / "dangling");
  EXPECT_EQ(error_of([&] { make_directories(dir / "dangling"); }).kind(), ErrorKind::kInput);
}

TEST(AtomicFile, RenamesOverFilesAndEmptyDirectoriesOnly) {
  const TempDir dir;
  dir.write("new/file", "n");
  dir.write("full/file", "f");
  fs::create_directory(dir / "empty");
  EXPECT_EQ(error_of([&] { replace_by_rename(dir / "new", dir / "full"); }).kind(), ErrorKind::kInput);
  EXPECT_EQ(slurp(dir / "full/file"), "f");
  replace_by_rename(dir / "new", dir / "empty");
  EXPECT_EQ(slurp(dir / "empty/file"), "n");
  EXPECT_EQ(error_of([&] { replace_by_rename(dir / "gone", dir / "x"); }).kind(), ErrorKind::kInput);
  EXPECT_EQ(error_of([&] { sync_file(dir / "gone"); }).kind(), ErrorKind::kInput);
}

TEST(AtomicFile, RemovesTreesAndTheAbsent) {
  const TempDir dir;
  dir.write("a/b/c", "x");
  dir.write("kept/file", "k");
  fs::create_directory_symlink(dir / "kept", dir / "a/link");
  remove_tree(dir / "a");
  remove_tree(dir / "a");
  EXPECT_FALSE(fs::exists(dir / "a"));
  EXPECT_EQ(slurp(dir / "kept/file"), "k");
}

TEST(AtomicFile, ErrorsOfAFailingDiskAreResources) {
  EXPECT_EQ(write_error(EIO, "writing", "f", 3, 10).message(),
            "f: writing failed: Input/output error, 3 of 10 bytes could not be written");
  EXPECT_EQ(write_error(ENOSPC, "writing", "f", 2048, 4096).message(),
            "f: the disk is full: 2048 of 4096 bytes could not be written\n  free 2.0 KiB");
  for (const int code : {EIO, ENOSPC, EDQUOT, EFBIG, ENOMEM, EMFILE, ENFILE})
    EXPECT_EQ(write_error(code, "writing", "f").kind(), ErrorKind::kResource) << code;
  for (const int code : {EACCES, EPERM, EROFS}) {
    EXPECT_EQ(write_error(code, "writing", "f").kind(), ErrorKind::kInput) << code;
    EXPECT_THAT(write_error(code, "writing", "f").what(), HasSubstr("not writable"));
  }
}

}  // namespace
}  // namespace vernier

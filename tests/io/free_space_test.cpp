#include "io/free_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>
#include <limits>

#include "base/text.h"
#include "io/test_files.h"
#include "support/skips.h"

namespace vernier {
namespace {

using test::error_of;
using test::TempDir;

TEST(FreeSpace, IsThatOfTheNearestDirectoryThatExists) {
  const TempDir dir;
  dir.write("file", "x");
  const auto bytes = static_cast<double>(std::filesystem::space(dir.str()).available);
  for (const char* below : {"", "/absent", "/absent/deeper/", "/file", "/file/below"})
    EXPECT_NEAR(static_cast<double>(free_bytes(dir.str() + below)), bytes, 0.05 * bytes) << below;
  EXPECT_GT(free_bytes("not/there/at/all"), 0u);
  EXPECT_NO_THROW(require_free_space(dir.str(), 0));
  EXPECT_NO_THROW(require_free_space(dir.str(), 1000));
}

TEST(FreeSpace, SaysHowManyBytesAreMissing) {
  const TempDir dir;
  if (::mount("none", dir.str().c_str(), "tmpfs", 0, "size=256k") != 0)
    SKIP_MACHINE_LACKS("the right to mount a tmpfs");
  const std::uint64_t free = free_bytes(dir.str());
  const Error error = error_of([&] { require_free_space(dir / "new", 300000); });
  ::umount(dir.str().c_str());
  EXPECT_EQ(free, 262144u);
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_EQ(error.message(), str(dir / "new", ": the disk is full: 300000 bytes are needed, 262144 are free, 37856 ",
                                 "are missing\n  free ", format_bytes(37856)));
}

TEST(FreeSpace, WithoutALimitThereIsEnough) {
  EXPECT_EQ(free_bytes("/proc"), std::numeric_limits<std::uint64_t>::max());
}

}  // namespace
}  // namespace vernier

#include "spec/cgroup_memory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace vernier {
namespace {

namespace fs = std::filesystem;

class CgroupMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::optional<std::int64_t> left() const { return cgroup_memory(root_ / "groups", root_ / "mount"); }

  fs::path root_ = fs::path(::testing::TempDir()) / ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(CgroupMemory, OfVersion2IsTheTightestOfAllGroupsAround) {
  write("groups", "0::/slice/job\n");
  write("mount/memory.max", "9000\n");
  write("mount/memory.current", "1000\n");
  write("mount/slice/memory.max", "5000\n");
  write("mount/slice/memory.current", "2000\n");
  write("mount/slice/memory.stat", "anon 1500\ninactive_file 400\nactive_file 100\n");
  write("mount/slice/job/memory.max", "max\n");
  write("mount/slice/job/memory.current", "2000\n");
  EXPECT_EQ(left(), 5000 - (2000 - 400));
}

TEST_F(CgroupMemory, OfVersion1IsThatOfItsMemoryController) {
  write("groups", "12:cpu,cpuacct:/other\n5:memory:/job\n0::/\n");
  write("mount/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("mount/memory/memory.usage_in_bytes", "800\n");
  write("mount/memory/job/memory.limit_in_bytes", "3000\n");
  write("mount/memory/job/memory.usage_in_bytes", "700\n");
  write("mount/memory/job/memory.stat", "cache 500\ninactive_file 1\ntotal_inactive_file 300\n");
  EXPECT_EQ(left(), 3000 - (700 - 300));
}

TEST_F(CgroupMemory, AGroupOverItsLimitHasNothingLeft) {
  write("groups", "0::/\n");
  write("mount/memory.max", "100\n");
  write("mount/memory.current", "150\n");
  EXPECT_EQ(left(), 0);
}

// A container may show the path that its group has outside of it.
TEST_F(CgroupMemory, APathThatIsNotThereLeavesTheRoots) {
  write("groups", "0::/docker/abc\n");
  write("mount/memory.max", "100\n");
  write("mount/memory.current", "40\n");
  EXPECT_EQ(left(), 60);
}

TEST_F(CgroupMemory, WithoutGroupsOrLimitsThereIsNone) {
  EXPECT_EQ(left(), std::nullopt);
  write("groups", "0::/\nnonsense\n");
  write("mount/memory.max", "max\n");
  write("mount/memory.current", "40\n");
  EXPECT_EQ(left(), std::nullopt);
}

}  // namespace
}  // namespace vernier

#include "io/control_groups.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace vernier {
namespace {

namespace fs = std::filesystem;

class ControlGroups : public ::testing::Test {
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
  std::optional<std::int64_t> memory() const { return cgroup_memory(root_ / "groups", root_ / "mount"); }
  std::optional<double> cpus() const { return cgroup_cpus(root_ / "groups", root_ / "mount"); }

  fs::path root_ = fs::path(::testing::TempDir()) / ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ControlGroups, MemoryOfVersion2IsTheTightestOfAllGroupsAround) {
  write("groups", "0::/slice/job\n");
  write("mount/memory.max", "9000\n");
  write("mount/memory.current", "1000\n");
  write("mount/slice/memory.max", "5000\n");
  write("mount/slice/memory.current", "2000\n");
  write("mount/slice/memory.stat", "anon 1500\ninactive_file 400\nactive_file 100\n");
  write("mount/slice/job/memory.max", "max\n");
  write("mount/slice/job/memory.current", "2000\n");
  EXPECT_EQ(memory(), 5000 - (2000 - 400));
  write("mount/slice/job/memory.max", "2500\n");
  EXPECT_EQ(memory(), 500) << "the process's own";
  write("mount/memory.max", "1300\n");
  EXPECT_EQ(memory(), 300) << "the outermost";
}

// A real root group of version 2 has neither file.
TEST_F(ControlGroups, GroupsWithoutFilesAreSteppedOver) {
  write("groups", "0::/slice/job\n");
  write("mount/slice/memory.max", "700\n");
  EXPECT_EQ(memory(), std::nullopt) << "what is used is not told";
  write("mount/slice/memory.current", "200\n");
  EXPECT_EQ(memory(), 500);
  write("mount/slice/cpu.max", "300000 100000\n");
  EXPECT_EQ(cpus(), 3);
}

TEST_F(ControlGroups, MemoryOfVersion1IsThatOfItsController) {
  write("groups", "12:cpu,cpuacct:/other\n5:memory:/slice/job\n0::/\n");
  write("mount/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("mount/memory/memory.usage_in_bytes", "800\n");
  write("mount/memory/other/memory.limit_in_bytes", "1\n");
  write("mount/memory/other/memory.usage_in_bytes", "1\n");
  write("mount/memory/slice/job/memory.limit_in_bytes", "3000\n");
  write("mount/memory/slice/job/memory.usage_in_bytes", "700\n");
  write("mount/memory/slice/job/memory.stat", "cache 500\ninactive_file 1\ntotal_inactive_file 300\n");
  EXPECT_EQ(memory(), 3000 - (700 - 300));
  write("mount/memory/slice/memory.limit_in_bytes", "1000\n");
  write("mount/memory/slice/memory.usage_in_bytes", "900\n");
  EXPECT_EQ(memory(), 100) << "the group around it";
}

TEST_F(ControlGroups, AGroupOverItsLimitHasNothingLeft) {
  write("groups", "0::/\n");
  write("mount/memory.max", "100\n");
  write("mount/memory.current", "150\n");
  EXPECT_EQ(memory(), 0);
}

// A container may show the path that its group has outside of it.
TEST_F(ControlGroups, APathThatIsNotThereLeavesTheRoots) {
  write("groups", "0::/docker/abc\n");
  write("mount/memory.max", "100\n");
  write("mount/memory.current", "40\n");
  write("mount/cpu.max", "50000 100000\n");
  EXPECT_EQ(memory(), 60);
  EXPECT_EQ(cpus(), 0.5);
}

TEST_F(ControlGroups, CpusOfVersion2AreTheFewestOfAllGroupsAround) {
  write("groups", "0::/slice/job\n");
  write("mount/cpu.max", "800000 100000\n");
  write("mount/slice/cpu.max", "150000 100000\n");
  write("mount/slice/job/cpu.max", "max 100000\n");
  EXPECT_EQ(cpus(), 1.5);
  write("mount/slice/job/cpu.max", "20000 50000\n");
  EXPECT_EQ(cpus(), 0.4);
}

TEST_F(ControlGroups, CpusOfVersion1AreThoseOfItsController) {
  write("groups", "5:memory:/other\n4:cpu,cpuacct:/slice/job\n0::/\n");
  write("mount/cpu.max", "100 100\n");  // of another hierarchy, and also there
  write("mount/cpu/slice/cpu.cfs_quota_us", "250000\n");
  write("mount/cpu/slice/cpu.cfs_period_us", "100000\n");
  write("mount/cpu/slice/job/cpu.cfs_quota_us", "-1\n");
  write("mount/cpu/slice/job/cpu.cfs_period_us", "100000\n");
  write("mount/cpu/other/cpu.cfs_quota_us", "1\n");
  write("mount/cpu/other/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpus(), 1);
  fs::remove(root_ / "mount/cpu.max");
  EXPECT_EQ(cpus(), 2.5);
}

TEST_F(ControlGroups, Version1MayLieUnderTheNamesOfAllControllersThatShareIt) {
  write("groups", "4:cpu,cpuacct:/job\n");
  write("mount/cpu,cpuacct/job/cpu.cfs_quota_us", "300000\n");
  write("mount/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpus(), 3);
}

TEST_F(ControlGroups, WithoutGroupsOrLimitsThereIsNone) {
  EXPECT_EQ(memory(), std::nullopt);
  EXPECT_EQ(cpus(), std::nullopt);
  write("groups", "0::/\nnonsense\n3:cpuset:/x\n");
  write("mount/memory.max", "max\n");
  write("mount/memory.current", "40\n");
  write("mount/cpu.max", "max 100000\n");
  EXPECT_EQ(memory(), std::nullopt);
  EXPECT_EQ(cpus(), std::nullopt);
  write("mount/cpu.max", "garbage\n");
  EXPECT_EQ(cpus(), std::nullopt);
  write("mount/cpu.max", "100000 0\n");
  EXPECT_EQ(cpus(), std::nullopt);
}

}  // namespace
}  // namespace vernier

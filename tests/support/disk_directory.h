#pragma once
// A test with a directory on a disk: under the working directory, a build's, for the one of temporary files may lie in
// memory, where optimizer pages are refused.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "io/page_file.h"
#include "support/skips.h"

namespace vernier {

class DiskDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory_);
    try {
      refuse_memory_file_system(directory_, "paging_dir");
    } catch (const Error&) {
      SKIP_MACHINE_LACKS("a disk under the working directory");
    }
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Of this process: CTest runs several at once.
  const std::string directory_ = str(std::filesystem::current_path().string(), "/disk_directory_test.", getpid());
};

}  // namespace vernier

#pragma once
// The reasons for which a test may be skipped, in the words that scripts/summarize_tests.py allows: the folder of
// larger references is not there, or this processor or this machine lacks what the test is about.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace vernier {

// A file or folder of ../shared, by its path there.
inline std::string shared_path(const std::string& path) {
  return std::string(VERNIER_SOURCE_DIR "/../shared/") + path;
}

}  // namespace vernier

// Ends the test (or its SetUp) as skipped when ../shared does not hold `path`.
#define SKIP_WITHOUT_SHARED(path)                             \
  if (!std::filesystem::exists(::vernier::shared_path(path))) \
  GTEST_SKIP() << "../shared is absent: it would hold " << (path)

// Ends the test as skipped: "this CPU lacks bf16 products".
#define SKIP_CPU_LACKS(what) GTEST_SKIP() << "this CPU lacks " << (what)

// The same for what is no matter of the processor: "this machine lacks the right to mount a tmpfs".
#define SKIP_MACHINE_LACKS(what) GTEST_SKIP() << "this machine lacks " << (what)

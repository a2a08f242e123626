// The pages of tests/cuda on a real device, which orders its streams as it likes.

#include <gtest/gtest.h>

#include "cuda/page_updates.h"
#include "support/skips.h"

namespace vernier {
namespace {

TEST(CudaPagesDevice, HoldsWhatMemoryHolds) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) SKIP_MACHINE_LACKS("a CUDA device");
  for (const std::int64_t page_bytes : {4096, 1 << 20}) {
    for (std::int64_t resident = 2; resident < 24; ++resident) {
      PagesBesideMemory both({24, page_bytes, resident});
      for (std::uint64_t round = 1; round <= 5; ++round) both.change_all(round);
      both.look_at_all();
      both.change_on_host(resident, 9);
      both.change_all(6);
      for (std::int64_t page = 23; page >= 0; --page) both.look(page);
      both.look_at_all();
      ASSERT_EQ(both.wrong(), "") << resident << " of 24 pages of " << page_bytes;
    }
  }
}

}  // namespace
}  // namespace vernier

// Pages of a simulated device against the same pages in memory: every number in the device, orders of the streams by
// seed, and calls that fail.

#include "cuda/cuda_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "base/random.h"
#include "cuda/page_updates.h"
#include "support/simulated_cuda.h"

namespace vernier {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kPageBytes = 64;

TEST(CudaPages, HoldWhatMemoryHoldsInEveryOrderOfTheStreams) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    for (const std::int64_t pages : {3, 7, 12}) {
      for (std::int64_t resident = 2; resident < pages; ++resident) {
        simulated_cuda::begin(seed);
        PagesBesideMemory both({pages, kPageBytes, resident});
        EXPECT_EQ(both.pages().resident_bytes(), resident * kPageBytes);
        for (std::uint64_t round = 1; round <= 3; ++round) both.change_all(round);
        both.look_at_all();
        both.change_on_host(static_cast<std::int64_t>(seed) % pages, 9);
        both.change_all(4);
        both.look_at_all();
        ASSERT_EQ(both.wrong(), "") << "seed " << seed << ", " << resident << " of " << pages;
      }
    }
  }
}

// Changed, looked at or given back in the device or on the host, the same page several times.
TEST(CudaPages, AreFoundInAnyOrder) {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const std::int64_t resident = 2 + static_cast<std::int64_t>(seed % 12);
    simulated_cuda::begin(seed);
    PagesBesideMemory both({17, kPageBytes, resident});
    const RandomStream stream(seed, RandomPurpose::kSampling);
    for (std::uint64_t i = 0; i < 300; ++i) {
      const auto page = static_cast<std::int64_t>(stream.at(2 * i) % 17);
      const std::uint64_t kind = stream.at(2 * i + 1) % 16;
      if (kind == 0) {
        both.change_on_host(page, i);
      } else if (kind == 1) {
        both.look_on_host(page);
      } else if (kind < 8) {
        both.look(page);
      } else {
        both.change(page, i);
      }
    }
    both.look_at_all();
    ASSERT_EQ(both.wrong(), "") << "seed " << seed << ", " << resident << " of 17";
  }
}

TEST(CudaPages, OnlyWhatDoesNotStayIsCopiedAndTheHostNeverWaits) {
  constexpr std::int64_t kPages = 40, kResident = 16, kStreaming = kResident / 4;
  simulated_cuda::begin(1);
  CudaStream updates;
  CudaPages pages({kPages, kPageBytes, kResident}, updates.get());
  const auto walk = [&] {
    for (std::int64_t page = 0; page < kPages; ++page) {
      pages.acquire(page);
      pages.release(page, true);
    }
  };
  walk();
  const simulated_cuda::Counts first = simulated_cuda::counts();
  walk();
  const simulated_cuda::Counts second = simulated_cuda::counts();
  constexpr std::int64_t kMoved = kPages - (kResident - kStreaming);
  EXPECT_EQ(second.to_host - first.to_host, kMoved);
  EXPECT_EQ(second.to_device - first.to_device, kMoved);
  EXPECT_EQ(second.waits, 0);
  for (std::int64_t page = 0; page < kPages; ++page) {
    pages.acquire(page);
    pages.release(page, false);
  }
  EXPECT_EQ(simulated_cuda::counts().to_host, second.to_host) << "what was only looked at is not copied back";
}

TEST(CudaPages, TheNextPagesAreOnTheirWayBeforeTheyAreUsed) {
  simulated_cuda::begin(1);
  CudaStream updates;
  CudaPages pages({40, kPageBytes, 16}, updates.get());
  const auto copies_after = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t page = begin; page < end; ++page) {
      pages.acquire(page);
      pages.release(page, true);
    }
    return simulated_cuda::counts().to_device;
  };
  EXPECT_EQ(copies_after(0, 1), 1 + 4);  // with the four that stream first
  EXPECT_EQ(copies_after(1, 13), 12 + 4) << "page 12 needs none";
  copies_after(13, 40);
  const std::int64_t round = copies_after(0, 1);
  EXPECT_EQ(copies_after(1, 13), round) << "nor in the next round";
}

// Every call, one at a time: an error that says what failed, and all is given back.
TEST(CudaPages, AFailingDeviceIsSaid) {
  std::int64_t failed = 0;
  for (std::int64_t call = 1;; ++call) {
    simulated_cuda::begin(static_cast<std::uint64_t>(call));
    bool threw = false;
    {
      CudaStream updates;
      std::unique_ptr<CudaPages> pages;
      simulated_cuda::fail_at(call);
      try {
        pages = std::make_unique<CudaPages>(CudaPages::Size{6, kPageBytes, 3}, updates.get());
        for (std::int64_t i = 0; i < 12; ++i) {
          pages->acquire(i % 6);
          pages->release(i % 6, true);
        }
        pages->acquire_on_host(2);
      } catch (const Error& error) {
        threw = true;
        EXPECT_EQ(error.kind(), ErrorKind::kResource);
        EXPECT_THAT(error.message(), HasSubstr("the simulated device fails (cudaErrorSimulated)"));
      }
      simulated_cuda::fail_at(0);
    }
    EXPECT_EQ(simulated_cuda::alive(), 0) << "call " << call;
    if (!threw) break;
    ++failed;
  }
  EXPECT_GT(failed, 50);
}

}  // namespace
}  // namespace vernier

// A step allocates no buffer once the first of its size has run. Counted are all allocations of a KiB and more: by
// `new` anywhere in the process (LibTorch included) and by LibTorch's allocator of tensor memory. Headers of tensors
// and short lists stay below.

// GCC sees malloc behind new and free behind delete and takes the pair for a mistake.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

#include <ATen/ops/zeros.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "optim/clip.h"
#include "support/curve.h"

namespace {

constexpr std::size_t kBuffer = 1024;
std::atomic<bool> counting{false};
std::atomic<int> buffers{0};

void count(std::size_t bytes) {
  if (counting && bytes >= kBuffer) ++buffers;
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  count(bytes);
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(bytes)
                     : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes, 0);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes, 0);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace vernier::testing {
namespace {

class CountingAllocator final : public c10::Allocator {
 public:
  explicit CountingAllocator(c10::Allocator* real) : real_(real) {}
  c10::DataPtr allocate(std::size_t bytes) override {
    count(bytes);
    return real_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return real_->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { real_->copy_data(to, from, bytes); }

 private:
  c10::Allocator* real_;
};

void count_tensors() {
  static CountingAllocator allocator(c10::GetCPUAllocator());
  c10::SetCPUAllocator(&allocator, 1);
}

class Allocations : public ::testing::TestWithParam<ComputeRequest> {};

TEST_P(Allocations, NoBufferAfterTheFirstStep) {
  count_tensors();
  const Device device = cpu(GetParam());
  LoadOptions options;
  options.load_in_4bit = true;
  options.max_row_tokens = 64;
  Decoder model = load(golden("arch/llama"), options, device);
  LoraConfig lora;
  lora.r = 8;
  add_lora(model, lora, 1);
  OptimizerConfig config;
  Optimizer optimizer = make_optimizer(*model.lora, config);
  Rows rows;
  std::vector<std::int32_t> ids(60);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(5 + i % 50);
  for (int row = 0; row < 8; ++row) rows.add(ids.data(), ids.data(), static_cast<std::int64_t>(ids.size()));
  Arena arena;
  const auto step = [&](const KeptLayers& kept) {
    model.lora->gradients().zero_();
    loss_and_gradients(model, device, rows.batch(), 0.01f, kept, arena);
    optimizer.step(device, 1e-3, clip_factor(gradient_norm(model.lora->gradients(), device), 1.0));
  };
  for (const KeptLayers& kept : {kAllKept, kAttentionKept, kNothingKept}) {
    step(kept);
    step(kept);  // the arena has joined its pieces
    buffers = 0;
    counting = true;
    for (int i = 0; i < 3; ++i) step(kept);
    counting = false;
    EXPECT_EQ(buffers, 0) << "kept layers " << kept.all << ", " << kept.attention;
  }
}

TEST(AllocationCount, SeesTensorsAndLists) {
  count_tensors();
  buffers = 0;
  counting = true;
  const at::Tensor tensor = at::zeros({1000});
  std::vector<char> list(5000);
  counting = false;
  EXPECT_GE(buffers, 2);
}

INSTANTIATE_TEST_SUITE_P(All, Allocations, ::testing::Values(ComputeRequest::kF32, ComputeRequest::kAuto));

}  // namespace
}  // namespace vernier::testing

// Every optimizer: pages and threads change no bit, and a saved state goes on as if it had never been saved.

#include "optim/optimizer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/random.h"
#include "io/read_file.h"
#include "support/disk_directory.h"
#include "support/skips.h"
#include "tensor/parallel.h"

namespace vernier {
namespace {

using testing::HasSubstr;

constexpr OptimizerKind kKinds[] = {OptimizerKind::kAdamwTorch, OptimizerKind::kAdamw8bit, OptimizerKind::kLion32bit,
                                    OptimizerKind::kLion8bit, OptimizerKind::kSgd};

// Tensors of both sides of the least size for 8 bits, with and without tails; not in the order of the buffer.
std::vector<OptimizedTensor> tensors() {
  const std::pair<const char*, std::int64_t> sizes[] = {{"z", 70000}, {"b", 300},   {"m", 4096},
                                                        {"a", 4095},  {"k", 33333}, {"c", 5000}};
  std::vector<OptimizedTensor> out;
  std::int64_t first = 0;
  for (const auto& [name, count] : sizes) {
    out.push_back({name, first, count});
    first += count;
  }
  std::swap(out[0], out[3]);
  return out;
}
constexpr std::int64_t kParameters = 70000 + 300 + 4096 + 4095 + 33333 + 5000;

class OptimizerTest : public DiskDirectoryTest {};

struct Training {
  Device device = open_device("cpu", "auto", ComputeRequest::kF32, 1);
  at::Tensor values = random(1), gradients = at::zeros({kParameters});
  OptimizerConfig config;
  Optimizer optimizer;

  Training(OptimizerKind kind, const StatePaging& paging)
      : config(config_of(kind)), optimizer(values, gradients, tensors(), config, paging) {}

  static at::Tensor random(std::uint64_t seed) {
    const RandomStream stream(seed, RandomPurpose::kSampling);
    at::Tensor x = at::empty({kParameters});
    for (std::int64_t i = 0; i < kParameters; ++i)
      x.data_ptr<float>()[i] = stream.uniform(static_cast<std::uint64_t>(i)) - 0.5f;
    return x;
  }
  static OptimizerConfig config_of(OptimizerKind kind) {
    OptimizerConfig config;
    config.optimizer.kind = kind;
    config.weight_decay = 0.01;
    return config;
  }
  void steps(std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t step = begin; step < end; ++step) {
      gradients.copy_(random(100 + step));
      optimizer.step(device, 1e-3, 0.7f);
    }
  }
};

TEST_F(OptimizerTest, PagesChangeNoBit) {
  for (const OptimizerKind kind : kKinds) {
    Training plain(kind, {});
    plain.steps(0, 4);
    plain.optimizer.save(directory_ + "/plain");
    const std::string expected = read_file(directory_ + "/plain");
    for (const std::int64_t page_bytes : {kLeastPageBytes, 3 * kLeastPageBytes}) {
      const StateLayout layout(kind, tensors(), page_bytes);
      for (std::int64_t resident = 2; resident <= layout.pages(); resident += resident < 5 ? 1 : 4) {
        for (const int threads : {1, 2}) {
          set_threads(threads);
          Training paged(kind, {resident * page_bytes, directory_, page_bytes});
          EXPECT_EQ(paged.optimizer.resident_bytes(), resident * page_bytes);
          paged.steps(0, 4);
          EXPECT_TRUE(at::equal(paged.values, plain.values))
              << optimizer_name(kind) << " " << resident << " of " << layout.pages();
          paged.optimizer.save(directory_ + "/paged");
          EXPECT_TRUE(read_file(directory_ + "/paged") == expected) << optimizer_name(kind) << " " << resident;
        }
        set_threads(1);
      }
    }
  }
}

// Saved with pages and gone on without, and the other way round.
TEST_F(OptimizerTest, ASavedStateGoesOn) {
  for (const OptimizerKind kind : kKinds) {
    for (const bool paged : {false, true}) {
      const StatePaging pages{2 * kLeastPageBytes, directory_, kLeastPageBytes}, none;
      Training whole(kind, none), first(kind, paged ? pages : none), second(kind, paged ? none : pages);
      whole.steps(0, 6);
      first.steps(0, 3);
      first.optimizer.save(directory_ + "/state");
      second.optimizer.restore(directory_ + "/state");
      EXPECT_EQ(second.optimizer.steps(), 3);
      second.values.copy_(first.values);
      second.steps(3, 6);
      EXPECT_TRUE(at::equal(second.values, whole.values)) << optimizer_name(kind);
    }
  }
}

std::string refusal(Optimizer& optimizer, const std::string& path) {
  try {
    optimizer.restore(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.message();
  }
  return "";
}

TEST_F(OptimizerTest, AnothersStateIsRefused) {
  Training adamw(OptimizerKind::kAdamw8bit, {}), lion(OptimizerKind::kLion8bit, {});
  adamw.steps(0, 1);
  adamw.optimizer.save(directory_ + "/state");
  const std::string message = refusal(lion.optimizer, directory_ + "/state");
  EXPECT_THAT(message, HasSubstr("adamw_8bit"));
  EXPECT_THAT(message, HasSubstr("lion_8bit"));

  auto others = tensors();
  others.back().name = "other";
  Optimizer renamed(adamw.values, adamw.gradients, others, adamw.config, {});
  EXPECT_THAT(refusal(renamed, directory_ + "/state"), HasSubstr("other.exp_avg"));
  others = tensors();
  others.back().count -= 256;
  Optimizer shorter(adamw.values, adamw.gradients, others, adamw.config, {});
  EXPECT_THAT(refusal(shorter, directory_ + "/state"), HasSubstr("are expected"));
}

TEST(StateLayout, PiecesCoverEveryParameterOnce) {
  for (const OptimizerKind kind : kKinds) {
    for (const std::int64_t page_bytes : {std::int64_t{0}, kLeastPageBytes, kPageBytes}) {
      const StateLayout layout(kind, tensors(), page_bytes);
      std::int64_t next = 0, bytes = 0;
      for (std::int64_t page = 0; page < layout.pages(); ++page) {
        std::int64_t end = 0;
        for (const UpdatePiece& piece : layout.page(page)) {
          EXPECT_EQ(piece.first, next);
          EXPECT_GE(piece.offset, end);
          EXPECT_EQ(layout.page_of(piece), page);
          end = piece.offset + state_bytes(piece.rule, piece.count);
          bytes += state_bytes(piece.rule, piece.count);
          next += piece.count;
        }
        EXPECT_LE(end, layout.page_bytes());
      }
      EXPECT_EQ(next, kParameters);
      EXPECT_LE(bytes, layout.state_bytes());
      EXPECT_LE(layout.state_bytes(), bytes + 64 * 40);
    }
  }
}

// As bitsandbytes: of each tensor, not of all.
TEST(StateLayout, SmallTensorsKeepF32States) {
  EXPECT_EQ(update_rule(OptimizerKind::kAdamw8bit, 4095), UpdateRule::kAdamw32bit);
  EXPECT_EQ(update_rule(OptimizerKind::kAdamw8bit, 4096), UpdateRule::kAdamw8bit);
  EXPECT_EQ(update_rule(OptimizerKind::kLion8bit, 4095), UpdateRule::kLion32bit);
  EXPECT_EQ(update_rule(OptimizerKind::kAdamwTorch, 1 << 20), UpdateRule::kAdamwTorch);
}

}  // namespace
}  // namespace vernier

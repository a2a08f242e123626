// The memory floor against sums made by hand for models in print: NF4 with double quantization, rank 16 on all linears,
// one row whose every position is a target.

#include "spec/memory_floor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "spec/cost_fixture.h"

namespace vernier {
namespace {

MemoryRequest one_row(const ModelSpec& spec, std::int64_t tokens) {
  MemoryRequest request;
  request.lora_parameters = rank16(spec);
  request.optimizer_bytes = 8 * request.lora_parameters;
  request.micro_batch_tokens = request.micro_batch_targets = tokens;
  return request;
}

double mib(std::int64_t bytes) {
  return std::round(static_cast<double>(bytes) / (1 << 20));
}

TEST(MemoryFloor, ModelsInPrint) {
  struct Case {
    ModelSpec spec;
    std::int64_t tokens;
    double linears, embeddings, values, checkpoints;  // MiB
    double resident, floor;                           // GiB
  };
  const Case cases[] = {
      {llama32_1b(), 512, 479, 501, 43, 32, 1.156, 1.282},    {llama32_1b(), 2048, 479, 501, 43, 128, 1.250, 1.441},
      {llama3_8b(), 512, 3434, 2004, 160, 128, 6.061, 6.244}, {llama3_8b(), 2048, 3434, 2004, 160, 512, 6.436, 6.842},
      {llama2_7b(), 512, 3186, 500, 153, 128, 4.321, 4.475},  {llama2_7b(), 2048, 3186, 500, 153, 512, 4.696, 5.062},
  };
  for (const Case& c : cases) {
    const MemoryFloor floor = memory_floor(c.spec, one_row(c.spec, c.tokens));
    EXPECT_EQ(mib(floor.linears), c.linears) << c.tokens;
    EXPECT_EQ(mib(floor.embeddings), c.embeddings) << c.tokens;
    EXPECT_EQ(mib(floor.adapters / 4), c.values) << c.tokens;
    EXPECT_EQ(mib(floor.checkpoints), c.checkpoints) << c.tokens;
    EXPECT_NEAR(static_cast<double>(floor.resident()) / (1 << 30), c.resident, 0.001) << c.tokens;
    EXPECT_NEAR(static_cast<double>(floor.total()) / (1 << 30), c.floor, 0.001) << c.tokens;
  }
}

TEST(MemoryFloor, FollowsTheRequest) {
  const ModelSpec spec = llama32_1b();
  MemoryRequest request = one_row(spec, 512);
  const MemoryFloor nf4 = memory_floor(spec, request);
  request.quantization.double_quant = false;
  EXPECT_EQ(memory_floor(spec, request).linears, 973078528 / 16 * 9);  // 4.5 bits a weight
  request.load_in_4bit = false;
  EXPECT_EQ(memory_floor(spec, request).linears, 2LL * 973078528);
  EXPECT_LT(memory_floor(spec, request).layer_phase, nf4.layer_phase);
  request.micro_batch_targets = 64;
  EXPECT_LT(memory_floor(spec, request).loss_phase, nf4.loss_phase);
  request.bf16_compute = false;
  EXPECT_EQ(memory_floor(spec, request).checkpoints, 2 * nf4.checkpoints);
}

}  // namespace
}  // namespace vernier

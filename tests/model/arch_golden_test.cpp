// Logits, hidden states, loss and LoRA gradients of tiny models of each architecture against transformers + PEFT
// (tests/golden/scripts/gen_arch.py), in f32.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/model_fixture.h"

namespace vernier::testing {
namespace {

struct Arch {
  explicit Arch(const std::string& dir) : file(dir + "/golden.safetensors"), device(cpu()) {
    LoadOptions options;
    options.max_row_tokens = 24;
    model = load(dir, options, device);
    LoraConfig lora;
    lora.r = 4;
    lora.alpha = 8;
    add_lora(model, lora, 1);
    for (const TrainedTensor& trained : model.lora->tensors())
      read_f32_into(file, "lora/" + trained.name, trained.value);
    const at::Tensor ids = tensor(file, "input_ids");
    for (std::int64_t row = 0; row < ids.size(0); ++row) {
      const auto* data = static_cast<const std::int32_t*>(ids[row].data_ptr());
      rows.add(data, data, ids.size(1));
    }
  }

  SafetensorsFile file;
  Device device;
  Decoder model;
  Rows rows;
  Arena arena;
};

class ArchGolden : public ::testing::TestWithParam<const char*> {
 protected:
  ArchGolden() : arch(golden(std::string("arch/") + GetParam())) {}
  Arch arch;
};

TEST_P(ArchGolden, LogitsAgree) {
  const at::Tensor logits = all_logits(arch.model, arch.device, arch.rows.batch(), arch.arena);
  const at::Tensor expected = tensor(arch.file, "logits").view({-1, arch.model.spec.vocab});
  EXPECT_LT(max_difference(logits, expected), 1e-4);
}

TEST_P(ArchGolden, HiddenStatesAgree) {
  Rows first;
  const at::Tensor ids = tensor(arch.file, "input_ids");
  const auto* row = static_cast<const std::int32_t*>(ids.data_ptr());
  first.add(row, row, ids.size(1));
  const auto states = hidden_states(arch.model, arch.device, first.batch(), arch.arena);
  const at::Tensor expected = tensor(arch.file, "hidden_states_seq0");
  for (std::int64_t layer = 0; layer < arch.model.spec.layers; ++layer)
    EXPECT_LT(max_difference(states[static_cast<std::size_t>(layer)], expected[layer]), 1e-4) << layer;
}

TEST_P(ArchGolden, BaseAloneAgrees) {
  arch.model.lora.reset();
  const at::Tensor logits = all_logits(arch.model, arch.device, arch.rows.batch(), arch.arena);
  EXPECT_LT(max_difference(logits.narrow(0, 0, 24), tensor(arch.file, "logits_base_seq0")), 1e-4);
}

constexpr KeptLayers kPolicies[] = {{1000, 1000}, {1, 1000}, {0, 1000}, {1, 1}, {0, 0}};

TEST_P(ArchGolden, LossAndGradientsAgree) {
  const auto targets = arch.rows.target_count();
  for (const KeptLayers& kept : kPolicies) {
    arch.model.lora->gradients().zero_();
    const LossSum sum = loss_and_gradients(arch.model, arch.device, arch.rows.batch(),
                                           1.0f / static_cast<float>(targets), kept, arch.arena);
    EXPECT_EQ(sum.targets, targets);
    EXPECT_NEAR(sum.loss / static_cast<double>(targets), tensor(arch.file, "loss").item().toDouble(), 1e-5);
    for (const TrainedTensor& trained : arch.model.lora->tensors())
      EXPECT_LT(relative_difference(trained.gradient, tensor(arch.file, "grad/" + trained.name)), 1e-4) << trained.name;
  }
}

TEST_P(ArchGolden, EveryKeepPolicyGivesTheSameBits) {
  std::vector<at::Tensor> gradients;
  for (const KeptLayers& kept : kPolicies) {
    arch.model.lora->gradients().zero_();
    loss_and_gradients(arch.model, arch.device, arch.rows.batch(), 0.01f, kept, arch.arena);
    gradients.push_back(arch.model.lora->gradients().clone());
  }
  for (const at::Tensor& other : gradients) EXPECT_TRUE(at::equal(gradients[0], other));
}

TEST_P(ArchGolden, CacheGivesTheLogitsOfTheWholeRow) {
  const at::Tensor expected = tensor(arch.file, "logits")[0];
  KvCache cache(arch.model.spec, arch.device.compute, 24);
  const std::span<const std::int32_t> ids(arch.rows.ids.data(), 24);
  EXPECT_LT(max_difference(next_logits(arch.model, arch.device, ids.first(7), cache, arch.arena), expected[6]), 1e-4);
  for (std::size_t t = 7; t < 24; ++t)
    EXPECT_LT(max_difference(next_logits(arch.model, arch.device, ids.subspan(t, 1), cache, arch.arena),
                             expected[static_cast<std::int64_t>(t)]),
              1e-4)
        << t;
}

INSTANTIATE_TEST_SUITE_P(All, ArchGolden, ::testing::Values("llama", "llama_tied", "llama_rope_llama3", "qwen3"));

TEST(ModelSpecGolden, BothSpellingsOfTheConfigGiveTheSameModel) {
  for (const char* name : {"llama", "llama_tied", "llama_rope_llama3", "qwen3"}) {
    const std::string dir = golden(std::string("arch/") + name);
    const ModelSpec old_style = parse_model_spec(read_json_file(dir + "/config.json"), name);
    const ModelSpec new_style = parse_model_spec(read_json_file(dir + "/config.transformers5.json"), name);
    EXPECT_EQ(rope_inverse_frequencies(old_style.rope, old_style.head_dim),
              rope_inverse_frequencies(new_style.rope, new_style.head_dim));
    EXPECT_EQ(old_style.head_dim, new_style.head_dim);
    EXPECT_EQ(old_style.tied_head, new_style.tied_head);
  }
}

}  // namespace
}  // namespace vernier::testing

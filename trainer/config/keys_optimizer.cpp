#include "config/key_sections.h"
#include "config/key_types.h"

namespace vernier {

using namespace key_types;

namespace {

constexpr std::int64_t kLeastOptimizerMemory = std::int64_t{2} << 20;  // two pages

Key optimizer_key() {
  using Kind = OptimizerKind;
  return word_key<>(
      {"optimizer",
       {{"optim", "LLaMA-Factory, TRL"}},
       "AdamW as in PyTorch with float32 states; AdamW or Lion with 8-bit states as in bitsandbytes; Lion "
       "with float32 states; plain SGD. paged: states beyond optimizer_memory lie in a file, with the "
       "same numbers. Other spellings: adamw, adamw_torch_fused; adamw_bnb_8bit; lion, lion_pytorch; "
       "paged_adamw, paged_lion."},
      [](auto& c) -> auto& { return c.optimizer.optimizer; },
      std::vector<Word<OptimizerChoice>>{{"adamw_torch", {Kind::kAdamwTorch, false}},
                                         {"adamw_torch_fused", {Kind::kAdamwTorch, false}},
                                         {"adamw", {Kind::kAdamwTorch, false}},
                                         {"adamw_8bit", {Kind::kAdamw8bit, false}},
                                         {"adamw_bnb_8bit", {Kind::kAdamw8bit, false}},
                                         {"paged_adamw_32bit", {Kind::kAdamwTorch, true}},
                                         {"paged_adamw", {Kind::kAdamwTorch, true}},
                                         {"paged_adamw_8bit", {Kind::kAdamw8bit, true}},
                                         {"lion_32bit", {Kind::kLion32bit, false}},
                                         {"lion", {Kind::kLion32bit, false}},
                                         {"lion_pytorch", {Kind::kLion32bit, false}},
                                         {"lion_8bit", {Kind::kLion8bit, false}},
                                         {"paged_lion_32bit", {Kind::kLion32bit, true}},
                                         {"paged_lion", {Kind::kLion32bit, true}},
                                         {"paged_lion_8bit", {Kind::kLion8bit, true}},
                                         {"sgd", {Kind::kSgd, false}}},
      {{"paged_*", "this optimizer is not built"},
       {"adamw_hf", "this older AdamW adds epsilon elsewhere and is not built"},
       {"adamw_apex_fused", "this optimizer is not built"},
       {"adamw_torch_*", "this variant of AdamW is not built"},
       {"adafactor", "this optimizer is not built"},
       {"muon", "this optimizer is not built"},
       {"galore*", "this optimizer is not built"},
       {"schedule_free*", "this optimizer is not built"}});
}

Key scheduler_key() {
  return word_key<>({"lr_scheduler",
                     {{"lr_scheduler_type", "LLaMA-Factory, TRL"}},
                     "How the learning rate goes on after the warm-up, as in Hugging Face: constant has no warm-up."},
                    [](auto& c) -> auto& { return c.optimizer.lr_scheduler; },
                    std::vector<Word<Scheduler>>{{"cosine", Scheduler::kCosine},
                                                 {"linear", Scheduler::kLinear},
                                                 {"constant", Scheduler::kConstant},
                                                 {"constant_with_warmup", Scheduler::kConstantWithWarmup}},
                    {{"cosine_*", "this schedule is not built"},
                     {"polynomial", "this schedule is not built"},
                     {"inverse_sqrt", "this schedule is not built"},
                     {"reduce_lr_on_plateau", "this schedule is not built"},
                     {"warmup_stable_decay", "this schedule is not built"},
                     {"one_cycle", "this schedule is not built"},
                     {"rex", "this schedule is not built"}});
}

}  // namespace

std::vector<Key> optimizer_keys() {
  return {
      optimizer_key(),
      number_key({"learning_rate", {{"lr", "torchtune"}}, "The highest learning rate of the run."},
                 [](auto& c) -> auto& { return c.optimizer.learning_rate; }, {.low = 0, .high = 1e3, .low_open = true}),
      bytes_key(
          {"optimizer_memory",
           {},
           "Most memory for the states of a paged optimizer; the rest lies in a file in paging_dir.",
           "auto: all of them, or as many as max_memory and the free memory allow"},
          [](auto& c) -> auto& { return c.optimizer.optimizer_memory; }, kLeastOptimizerMemory),
      text_key(
          {"paging_dir",
           {},
           "Where the file of a paged optimizer's states lies, on a disk: a directory in memory (tmpfs) is refused.",
           "output_dir"},
          "a path", [](auto& c) -> auto& { return c.optimizer.paging_dir; }),
      scheduler_key(),
      integer_key({"warmup_steps",
                   {},
                   "Steps in which the learning rate rises from 0 to learning_rate. Not with warmup_ratio.",
                   "not set: no warm-up"},
                  [](auto& c) -> auto& { return c.optimizer.warmup_steps; }, {0, kMostCount}),
      number_key({"warmup_ratio",
                  {},
                  "The same as a share of all steps, rounded up. Not with warmup_steps.",
                  "not set: no warm-up"},
                 [](auto& c) -> auto& { return c.optimizer.warmup_ratio; }, {.low = 0, .high = 1}),
      number_key({"weight_decay",
                  {},
                  "Weight decay on all adapter weights: decoupled, but for sgd, where it is added to the gradient."},
                 [](auto& c) -> auto& { return c.optimizer.weight_decay; }, {.low = 0, .high = 1e3}),
      number_key({"adam_beta1", {}, "Decay of the first moment of AdamW; of the average whose sign Lion follows."},
                 [](auto& c) -> auto& { return c.optimizer.adam_beta1; }, {.low = 0, .high = 1, .high_open = true}),
      number_key({"adam_beta2", {}, "Decay of AdamW's second moment; of the average that Lion keeps."},
                 [](auto& c) -> auto& { return c.optimizer.adam_beta2; }, {.low = 0, .high = 1, .high_open = true}),
      number_key({"adam_epsilon", {}, "What AdamW adds to the root of the second moment."},
                 [](auto& c) -> auto& { return c.optimizer.adam_epsilon; }, {.low = 0, .high = 1, .low_open = true}),
      number_key({"max_grad_norm", {}, "Gradients are scaled down to this norm over all weights; 0: never."},
                 [](auto& c) -> auto& { return c.optimizer.max_grad_norm; }, {.low = 0}),
  };
}

}  // namespace vernier

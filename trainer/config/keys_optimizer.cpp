#include "config/key_sections.h"
#include "config/key_types.h"

namespace vernier {

using namespace key_types;

namespace {

Key optimizer_key() {
  return word_key<>({"optimizer", {{"optim", "LLaMA-Factory, TRL"}}, "AdamW as in PyTorch, its state in float32."},
                    [](auto& c) -> auto& { return c.optimizer.optimizer; },
                    std::vector<Word<std::string>>{
                        {"adamw_torch", "adamw_torch"}, {"adamw_torch_fused", "adamw_torch"}, {"adamw", "adamw_torch"}},
                    {{"adamw_bnb_8bit", "8-bit optimizer state is not built yet"},
                     {"adamw_8bit", "8-bit optimizer state is not built yet"},
                     {"paged_*", "paged optimizer state is not built yet"},
                     {"adamw_hf", "this older AdamW adds epsilon elsewhere and is not built"},
                     {"adamw_apex_fused", "this optimizer is not built"},
                     {"adamw_torch_*", "this variant of AdamW is not built"},
                     {"lion*", "this optimizer is not built"},
                     {"sgd", "this optimizer is not built"},
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
      number_key({"weight_decay", {}, "Decoupled weight decay, on all adapter weights."},
                 [](auto& c) -> auto& { return c.optimizer.weight_decay; }, {.low = 0, .high = 1e3}),
      number_key({"adam_beta1", {}, "Decay of AdamW's first moment."},
                 [](auto& c) -> auto& { return c.optimizer.adam_beta1; }, {.low = 0, .high = 1, .high_open = true}),
      number_key({"adam_beta2", {}, "Decay of AdamW's second moment."},
                 [](auto& c) -> auto& { return c.optimizer.adam_beta2; }, {.low = 0, .high = 1, .high_open = true}),
      number_key({"adam_epsilon", {}, "What AdamW adds to the root of the second moment."},
                 [](auto& c) -> auto& { return c.optimizer.adam_epsilon; }, {.low = 0, .high = 1, .low_open = true}),
      number_key({"max_grad_norm", {}, "Gradients are scaled down to this norm over all weights; 0: never."},
                 [](auto& c) -> auto& { return c.optimizer.max_grad_norm; }, {.low = 0}),
  };
}

}  // namespace vernier

#include "train/resume_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "train/checkpoint.h"

namespace vernier {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

RunIdentity identity() {
  RunIdentity run;
  run.base = "b";
  run.tokenizer = "t";
  run.data = "d";
  run.evaluation = "e";
  run.config = "c";
  run.binary = "p";
  run.device = "cpu";
  run.settings = {{"lora_r", 8}, {"learning_rate", 0.1}, {"total_steps", 10}, {"warmup_ratio", nullptr}};
  run.options = {{"save_steps", "5"}, {"output_dir", "a"}};
  return run;
}

Json saved(const RunIdentity& run) {
  Json json;
  put_identity(run, json);
  return json;
}

std::string refusal(const RunIdentity& now, const std::set<std::string>& allowed = {}) {
  std::vector<std::string> notes;
  try {
    compare_runs(saved(identity()), now, allowed, "checkpoint-3", notes);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_EQ(error.where(), "checkpoint-3");
    return error.what();
  }
  return "";
}

std::vector<std::string> notes_of(const RunIdentity& now, const std::set<std::string>& allowed = {}) {
  std::vector<std::string> notes;
  compare_runs(saved(identity()), now, allowed, "checkpoint-3", notes);
  return notes;
}

TEST(ResumeChanges, TheSameRun) {
  EXPECT_THAT(notes_of(identity()), IsEmpty());
}

TEST(ResumeChanges, WhatCannotChange) {
  RunIdentity now = identity();
  now.base = "other";
  now.tokenizer = "other";
  now.data = "other";
  now.settings["lora_r"] = 16;
  const std::string message = refusal(now, {"lora_r", "data", "base_model"});
  EXPECT_THAT(message,
              AllOf(HasSubstr("the base model changed"), HasSubstr("the tokenizer changed"),
                    HasSubstr("the training data changed"), HasSubstr("lora_r was 8 and is 16, which cannot change"),
                    Not(HasSubstr("learning_rate"))));
}

TEST(ResumeChanges, ASettingThatNoRuleNamesCannotChange) {
  RunIdentity now = identity();
  now.settings["new_key"] = 1;
  EXPECT_THAT(refusal(now), HasSubstr("new_key was not set and is 1, which cannot change"));
  RunIdentity without = identity();
  without.settings.erase("lora_r");
  EXPECT_THAT(refusal(without), HasSubstr("lora_r was 8 and is not set"));
}

TEST(ResumeChanges, WhatNeedsAWord) {
  RunIdentity now = identity();
  now.settings["learning_rate"] = 0.2;
  now.settings["total_steps"] = 20;
  now.evaluation = "other";
  EXPECT_THAT(refusal(now), AllOf(HasSubstr("learning_rate was 0.1 and is 0.2: --allow-change learning_rate goes on"),
                                  HasSubstr("total_steps was 10 and is 20: --allow-change num_epochs goes on"),
                                  HasSubstr("the evaluation data changed: --allow-change test_datasets goes on")));
  EXPECT_THAT(refusal(now, {"learning_rate", "evaluation"}),
              AllOf(HasSubstr("total_steps"), Not(HasSubstr("learning_rate was"))));
  EXPECT_THAT(notes_of(now, {"learning_rate", "total_steps", "evaluation"}),
              ElementsAre(AllOf(HasSubstr("going on with changes"), HasSubstr("learning_rate was 0.1 and is 0.2"))));
}

TEST(ResumeChanges, WhatIsListedInOneLine) {
  RunIdentity now = identity();
  now.options["save_steps"] = "7";
  now.options["output_dir"] = "b";
  EXPECT_THAT(notes_of(now),
              ElementsAre(AllOf(HasSubstr("in nothing that shapes the numbers"),
                                HasSubstr("save_steps was \"5\" and is \"7\""), HasSubstr("output_dir"))));
  now = identity();
  now.device = "cpu, scalar";
  now.binary = "q";
  EXPECT_THAT(notes_of(now), ElementsAre(HasSubstr("the last bits may differ"), HasSubstr("another build")));
}

TEST(AllowedChanges, WordsAreKeys) {
  std::vector<std::string> notes;
  EXPECT_THAT(allowed_changes({"learning-rate", "num_train_epochs", "lr_scheduler_type"}, notes),
              ElementsAre("learning_rate", "lr_scheduler", "total_steps"));
  EXPECT_THAT(notes, IsEmpty());
  EXPECT_THAT(allowed_changes({"save_steps"}, notes), IsEmpty());
  EXPECT_THAT(notes, ElementsAre(HasSubstr("--allow-change save_steps has no effect")));
}

TEST(AllowedChanges, RefusesWithTheReason) {
  const auto message = [](const char* word) {
    std::vector<std::string> notes;
    try {
      allowed_changes({word}, notes);
    } catch (const Error& error) {
      return error.message();
    }
    return std::string();
  };
  EXPECT_THAT(message("learning_rat"), HasSubstr("did you mean learning_rate?"));
  EXPECT_THAT(message("zzzzzzzzzz"), HasSubstr("keys that may change: test_datasets, "));
  for (const char* key : {"base_model",
                          "revision_of_model",
                          "load_in_4bit",
                          "adapter",
                          "bnb_4bit_blocksize",
                          "bnb_4bit_use_double_quant",
                          "lora_r",
                          "lora_target_modules",
                          "lora_alpha",
                          "use_rslora",
                          "datasets",
                          "val_set_size",
                          "sequence_len",
                          "excess_length_strategy",
                          "chat_template",
                          "train_on_inputs",
                          "on_empty_targets",
                          "seed",
                          "shuffle",
                          "optimizer"})
    EXPECT_THAT(message(key), HasSubstr(" cannot change within a run: ")) << key;
}

}  // namespace
}  // namespace vernier

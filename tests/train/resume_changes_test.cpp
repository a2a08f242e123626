#include "train/resume_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"
#include "train/checkpoint.h"
#include "train/resume_rules.h"

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
  EXPECT_THAT(refusal(now),
              AllOf(HasSubstr("learning_rate was 0.1 and is 0.2: --allow-change learning_rate goes on"),
                    HasSubstr("the number of steps changed (10 steps before, 20 now): --allow-change max_steps"),
                    HasSubstr("the evaluation data changed: --allow-change test_datasets goes on")));
  EXPECT_THAT(refusal(now, {"learning_rate", "evaluation"}),
              AllOf(HasSubstr("number of steps"), Not(HasSubstr("learning_rate was"))));
  EXPECT_THAT(notes_of(now, {"learning_rate", "total_steps", "evaluation"}),
              ElementsAre(AllOf(HasSubstr("going on with changes"), HasSubstr("learning_rate was 0.1 and is 0.2"))));
}

// What was set is told, not what follows from it; and a word that cannot help is not proposed.
TEST(ResumeChanges, TellsTheKeysThatWereSet) {
  RunIdentity before = identity();
  before.options = {{"val_set_size", "0"}, {"max_steps", ""}, {"num_epochs", "1"}, {"test_datasets", ""}};
  const auto told = [&](const RunIdentity& now, const std::set<std::string>& allowed = {}) -> std::string {
    std::vector<std::string> notes;
    try {
      compare_runs(saved(before), now, allowed, "checkpoint-3", notes);
    } catch (const Error& error) {
      return error.what();
    }
    return join(notes, "\n");
  };
  RunIdentity now = before;
  now.settings["total_steps"] = 20;
  now.options["max_steps"] = "20";
  EXPECT_THAT(told(now), HasSubstr("max_steps was not set and is 20 (10 steps before, 20 now): --allow-change "
                                   "max_steps goes on with it"));
  EXPECT_EQ(told(now, {"total_steps"}),
            "going on with changes: max_steps was not set and is 20 (10 steps before, 20 now)");
  now.options = before.options;
  now.options["num_epochs"] = "2";
  EXPECT_THAT(told(now), HasSubstr("num_epochs was 1 and is 2 (10 steps before, 20 now): --allow-change num_epochs"));

  now = before;
  now.data = "fewer";
  now.evaluation = "some";
  now.settings["total_steps"] = 9;
  now.options["val_set_size"] = "2";
  EXPECT_EQ(told(now),
            "this is not the run that the checkpoint belongs to: val_set_size was 0 and is 2, which cannot change: the "
            "rows would be others, and the place in them would mean nothing");
  now.options["test_datasets"] = "more.jsonl";
  EXPECT_THAT(told(now), HasSubstr("test_datasets was not set and is more.jsonl: --allow-change test_datasets"));
}

TEST(ResumeChanges, RowsOfAStep) {
  RunIdentity before = identity();
  const auto with = [&](int micro, int accumulation) {
    RunIdentity run = before;
    run.settings["micro_batch_size"] = micro;
    run.settings["gradient_accumulation_steps"] = accumulation;
    run.settings["rows_per_step"] = micro * accumulation;
    return run;
  };
  before = with(2, 2);
  const auto told = [&](RunIdentity now, const std::set<std::string>& allowed = {}) -> std::string {
    std::vector<std::string> notes;
    now.settings["total_steps"] = 7;  // follows
    try {
      compare_runs(saved(before), now, allowed, "checkpoint-3", notes);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string all = "this is not the run that the checkpoint belongs to: ",
                    because = ", which cannot change: the place in the data counts steps of so many rows",
                    words = ", with --allow-change micro_batch_size,gradient_accumulation_steps)";
  EXPECT_EQ(told(with(1, 2)), all +
                                  "micro_batch_size was 2 and is 1, and so a step has 2 rows instead of 4 "
                                  "(gradient_accumulation_steps: 4 keeps them" +
                                  words + because);
  EXPECT_EQ(told(with(2, 1), {"gradient_accumulation_steps"}),
            all +
                "gradient_accumulation_steps was 2 and is 1, and so a step has 2 rows instead of 4 "
                "(micro_batch_size: 4 keeps them" +
                words + because);
  EXPECT_EQ(told(with(3, 2)), all + "micro_batch_size was 2 and is 3, and so a step has 6 rows instead of 4" + because);
}

TEST(ResumeChanges, TheFilesOfChangedRows) {
  RunIdentity before = identity();
  before.data_files = {{{"file", "a.jsonl"}, {"bytes", 100}, {"xxh3", "0"}},
                       {{"file", "b.jsonl"}, {"bytes", 100}, {"xxh3", "1"}}};
  RunIdentity now = before;
  now.data = "other";
  const auto told = [&](const Json& record) -> std::string {
    std::vector<std::string> notes;
    try {
      compare_runs(record, now, {}, "checkpoint-3", notes);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(told(saved(before)),
              HasSubstr("the training data changed (not its files: what makes rows of them did), which"));
  now.data_files[1]["bytes"] = 90;
  EXPECT_THAT(told(saved(before)), HasSubstr("the training data changed (b.jsonl: 10 bytes shorter), which cannot"));
  Json older = saved(before);
  older.erase("data_files");
  older.erase("evaluation_files");
  EXPECT_THAT(told(older), HasSubstr("the training data changed, which cannot change"));
}

TEST(ResumeChanges, WhatIsListedInOneLine) {
  RunIdentity now = identity();
  now.options["save_steps"] = "7";
  now.options["output_dir"] = "b";
  EXPECT_THAT(notes_of(now), ElementsAre(AllOf(HasSubstr("in nothing that shapes the numbers"),
                                               HasSubstr("save_steps was 5 and is 7"), HasSubstr("output_dir"))));
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

// What goes by the evaluation loss, and what stops a run: rules between their keys.

#include <gmock/gmock.h>

#include "base/text.h"
#include "config_test_util.h"

namespace vernier {
namespace {

using ::testing::HasSubstr;

TEST(BestRules, EarlyStoppingKeepsTheBest) {
  const LoadedConfig loaded = read_with("val_set_size: 4\nearly_stopping_patience: 2\n");
  EXPECT_TRUE(loaded.config.train.load_best_model_at_end);
  EXPECT_EQ(loaded.origins.at("load_best_model_at_end").text(), "default: from early_stopping_patience");
  EXPECT_FALSE(read_with("val_set_size: 4\nearly_stopping_steps: 2\nload_best_model_at_end: false\n")
                   .config.train.load_best_model_at_end);
  EXPECT_FALSE(read_with("val_set_size: 4\nearly_stopping_patience: 2\nsave_strategy: no\n")
                   .config.train.load_best_model_at_end);
}

TEST(BestRules, NeedEvaluations) {
  for (const char* line : {"early_stopping_patience: 2\n", "load_best_model_at_end: true\n"}) {
    EXPECT_THAT(refusal_with(line), HasSubstr("there is no evaluation data"));
    EXPECT_THAT(refusal_with(str(line, "val_set_size: 2\neval_strategy: no\n")),
                HasSubstr("eval_strategy: no measures none"));
  }
  EXPECT_NO_THROW(read_with("load_best_model_at_end: false\n"));
}

TEST(BestRules, NeedCheckpoints) {
  EXPECT_THAT(refusal_with("val_set_size: 2\nsave_strategy: no\nload_best_model_at_end: true\n"),
              HasSubstr("the best adapter is kept as a checkpoint"));
  EXPECT_THAT(refusal_with("save_strategy: no\nsave_minutes: 5\n"),
              HasSubstr("save_minutes contradicts save_strategy"));
}

TEST(BestRules, OnlyTheEvaluationLossIsCompared) {
  EXPECT_NO_THROW(read_with("metric_for_best_model: eval_loss\ngreater_is_better: false\n"));
  EXPECT_THAT(refusal_with("metric_for_best_model: accuracy\n"), HasSubstr("only the evaluation loss"));
  EXPECT_THAT(refusal_with("greater_is_better: true\n"), HasSubstr("best where it is lowest"));
}

TEST(StopRules, Values) {
  EXPECT_EQ(read_with("max_time: 1h30m\n").config.train.max_time, 5400);
  EXPECT_THAT(refusal_with("max_time: 90\n"), HasSubstr("a time: 90s, 30m, 2h, 1h30m"));
  EXPECT_EQ(read_with("on_save_error: continue\n").config.train.on_save_error, OnSaveError::kContinue);
  EXPECT_TRUE(read_with("auto_resume_from_checkpoints: true\n").config.train.resume);
  EXPECT_FALSE(read_with("auto_resume_from_checkpoints: false\n").config.train.resume);
  const LoadedConfig over = read_with("auto_resume_from_checkpoints: true\n", {"overwrite_output_dir=true"});
  EXPECT_TRUE(over.config.train.overwrite_output_dir);
  EXPECT_FALSE(over.config.train.resume);
}

}  // namespace
}  // namespace vernier

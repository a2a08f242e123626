#include "config/check_paths.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config_test_util.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A directory of this process with a YAML file's folder in it; removed at the end.
class CheckPaths : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("vernier_paths_" + std::to_string(getpid()));
    fs::create_directories(root_ / "yaml" / "data");
    fs::create_directories(root_ / "yaml" / "vernier_only_beside");
    std::ofstream(root_ / "yaml" / "data" / "rows.jsonl") << "{}\n";
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string message(const std::string& text) {
    const LoadedConfig loaded = read_config_text(text, (root_ / "yaml" / "run.yaml").string());
    try {
      check_paths(loaded);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.message();
    }
    return "";
  }

  fs::path root_;
};

TEST_F(CheckPaths, AllAbsentFilesWithTheirPlaces) {
  const std::string text = message(
      "base_model: ./no/model\noutput_dir: o\ndatasets:\n  - path: nowhere.jsonl\n  - path: data/rows.jsonl\n"
      "lora_model_dir: adapters/x\nchat_template: t.jinja\nresume_from_checkpoint: c/checkpoint-1\n");
  EXPECT_THAT(text, HasSubstr("run.yaml:1:1: base_model: no such file or directory: ./no/model"));
  EXPECT_THAT(
      text, HasSubstr("run.yaml:4:5: datasets: no such file: nowhere.jsonl\n  paths start at the working directory, "));
  EXPECT_THAT(text, AllOf(HasSubstr("run.yaml:5:5: datasets: no such file: data/rows.jsonl\n"),
                          HasSubstr("it is beside the YAML file: use " + (root_ / "yaml/data/rows.jsonl").string())));
  EXPECT_THAT(text, AllOf(HasSubstr(":6:1: lora_model_dir"), HasSubstr(":7:1: chat_template"),
                          HasSubstr(":8:1: resume_from_checkpoint")));
}

TEST_F(CheckPaths, AcceptsWhatIsThere) {
  const std::string rows = (root_ / "yaml/data/rows.jsonl").string();
  EXPECT_EQ(message("base_model: " + root_.string() + "\noutput_dir: o\ndatasets: [{path: " + rows + "}]\n"), "");
}

TEST_F(CheckPaths, PatternsAreLeftToTheReaderOfTheRows) {
  EXPECT_EQ(message("base_model: " + root_.string() + "\noutput_dir: o\ndatasets: [{path: \"none/*.jsonl\"}]\n"), "");
}

TEST_F(CheckPaths, HubIdsAreLeftToTheCache) {
  const std::string rows = (root_ / "yaml/data/rows.jsonl").string();
  const std::string rest = "\noutput_dir: o\ndatasets: [{path: " + rows + "}]\n";
  EXPECT_EQ(message("base_model: owner/name" + rest), "");
  EXPECT_EQ(message("base_model: gpt2" + rest), "");
  EXPECT_THAT(message("base_model: a/b/c" + rest), HasSubstr("no such file or directory: a/b/c"));
  EXPECT_THAT(message("base_model: model.gguf" + rest), HasSubstr("no such file or directory"));
  EXPECT_THAT(message("base_model: vernier_only_beside" + rest), HasSubstr("it is beside the YAML file"));
}

TEST_F(CheckPaths, HintOfAnAbsolutePathIsEmpty) {
  EXPECT_EQ(resolve_path_hint("/nowhere", (root_ / "run.yaml").string()), "");
  EXPECT_THAT(resolve_path_hint("nowhere", (root_ / "run.yaml").string()), Not(HasSubstr("beside")));
}

}  // namespace
}  // namespace vernier

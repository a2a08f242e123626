#include "data/rows_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/dataset_fixture.h"

namespace vernier {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DataPaths : public testing::Test {
 protected:
  std::vector<std::string> find(const std::string& path, DatasetType type = DatasetType::kTokenized) {
    DatasetConfig config;
    config.path = path;
    config.type = type;
    config.where = folder_.path("conf/qlora.yaml") + ":3:5";
    return find_data_files(config);
  }
  std::string find_error(const std::string& path) {
    return error_of([&] { find(path); });
  }
  std::vector<std::string> paths(const std::vector<std::string>& names) {
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(folder_.path(name));
    return paths;
  }
  DataFolder folder_;
};

TEST_F(DataPaths, AFileIsItself) {
  const std::string file = folder_.write("a.csv", "");
  EXPECT_EQ(find(file), std::vector<std::string>{file}) << "its kind is the reader's matter";
}

TEST_F(DataPaths, AFolderGivesItsDataFilesSorted) {
  for (const char* name :
       {"b.jsonl", "a10.json", "a2.jsonl", "Z.ndjson", "README.md", "LICENSE", ".x.jsonl", "n.txt", "sub/c.jsonl"})
    folder_.write(name, "");
  EXPECT_EQ(find(folder_.path()), paths({"Z.ndjson", "a10.json", "a2.jsonl", "b.jsonl"}));
  EXPECT_EQ(find(folder_.path(), DatasetType::kCompletion),
            paths({"Z.ndjson", "a10.json", "a2.jsonl", "b.jsonl", "n.txt"}));
}

TEST_F(DataPaths, AFolderIsNotReadInPart) {
  folder_.write("a.jsonl", "");
  folder_.write("b.jsonl.gz", "");
  EXPECT_THAT(find_error(folder_.path()), AllOf(HasSubstr("b.jsonl.gz"), HasSubstr("supported: .jsonl")));
}

TEST_F(DataPaths, AnEmptyFolderIsAnError) {
  EXPECT_THAT(find_error(folder_.path()), AllOf(HasSubstr("no data file in the folder"), HasSubstr("qlora.yaml:3:5")));
}

TEST_F(DataPaths, APatternGivesItsFilesSorted) {
  for (const char* name : {"t2.jsonl", "t10.jsonl", "v1.jsonl"}) folder_.write(name, "");
  EXPECT_EQ(find(folder_.path("t*.jsonl")), paths({"t10.jsonl", "t2.jsonl"}));
  EXPECT_EQ(find(folder_.path("[tv]?.jsonl")), paths({"t2.jsonl", "v1.jsonl"}));
  EXPECT_THAT(find_error(folder_.path("x*.jsonl")), AllOf(HasSubstr("no file matches"), HasSubstr("qlora.yaml:3:5")));
}

TEST_F(DataPaths, AFileNamedLikeAPatternIsAFile) {
  const std::string file = folder_.write("a[1].jsonl", "");
  folder_.write("a1.jsonl", "");
  EXPECT_EQ(find(file), std::vector<std::string>{file});
}

TEST_F(DataPaths, AbsentPathsAreNamed) {
  EXPECT_THAT(find_error(folder_.path("none.jsonl")),
              AllOf(HasSubstr("qlora.yaml:3:5: no such file or folder"), HasSubstr("none.jsonl")));
  EXPECT_THAT(find_error(""), HasSubstr("the data set has no path"));
}

TEST_F(DataPaths, APathBesideTheConfigurationIsPointedOut) {
  const std::string beside = folder_.write("conf/only-beside-the-configuration.jsonl", "");
  EXPECT_THAT(find_error("only-beside-the-configuration.jsonl"), HasSubstr("there is " + beside));
  EXPECT_THAT(find_error("only-beside*.jsonl"), HasSubstr("beside the configuration there is"));
}

TEST_F(DataPaths, ADeviceIsNoFile) {
  EXPECT_THAT(find_error("/dev/null"), HasSubstr("not a regular file or folder"));
}

}  // namespace
}  // namespace vernier

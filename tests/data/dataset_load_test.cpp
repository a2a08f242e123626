#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>

#include "base/text.h"
#include "data/data_report.h"
#include "data/dataset.h"
#include "data/dataset_fixture.h"
#include "support/skips.h"

namespace vernier {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class LoadDataset : public testing::Test {
 protected:
  LoadDataset() { options_.vocab_size = 260; }

  DatasetConfig config(const std::string& path, DatasetType type = DatasetType::kTokenized) {
    DatasetConfig config;
    config.path = path;
    config.type = type;
    config.where = "qlora.yaml:3:5";
    return config;
  }
  Dataset load(const std::string& path, DatasetType type = DatasetType::kTokenized) {
    return load_dataset({config(path, type)}, data_, &tokenizer_, options_);
  }
  Dataset load_text(const std::string& bytes, DatasetType type = DatasetType::kTokenized) {
    return load(folder_.write("train.jsonl", bytes), type);
  }
  std::string load_error(const std::string& bytes, DatasetType type = DatasetType::kTokenized) {
    return error_of([&] { load_text(bytes, type); });
  }

  DataFolder folder_;
  ByteTokenizer tokenizer_;
  DataConfig data_;
  DatasetOptions options_;
};

TEST_F(LoadDataset, TokenizedRows) {
  const Dataset dataset =
      load_text("{\"input_ids\": [1, 2, 3], \"labels\": [-100, -100, 3]}\n\n{\"input_ids\": [4, 5]}\n");
  ASSERT_EQ(dataset.size(), 2);
  EXPECT_EQ(dataset.row(0).labels, (std::vector<std::int32_t>{-100, -100, 3}));
  EXPECT_EQ(dataset.row(1).labels, (std::vector<std::int32_t>{4, 5}));
  EXPECT_EQ(dataset.place(0), folder_.path("train.jsonl") + ":1");
  EXPECT_EQ(dataset.place(1), folder_.path("train.jsonl") + ":3");
  EXPECT_TRUE(dataset.reports.empty());
}

TEST_F(LoadDataset, TokenizedNeedsNoTokenizer) {
  const std::string path = folder_.write("a.jsonl", "{\"input_ids\": [1, 2]}\n");
  EXPECT_EQ(load_dataset({config(path)}, data_, nullptr, options_).size(), 1);
  EXPECT_THAT(error_of([&] { load_dataset({config(path, DatasetType::kAlpaca)}, data_, nullptr, options_); }),
              AllOf(HasSubstr("qlora.yaml:3:5"), HasSubstr("no tokenizer")));
}

TEST_F(LoadDataset, CompletionFromTextAndFromAField) {
  const Dataset text = load(folder_.write("a.txt", "ab\n\ncd"), DatasetType::kCompletion);
  ASSERT_EQ(text.size(), 2);
  EXPECT_EQ(text.row(1).input_ids, (std::vector<std::int32_t>{256, 'c', 'd', 257}));
  EXPECT_EQ(text.place(1), folder_.path("a.txt") + ":3");
  DatasetConfig field = config(folder_.write("b.jsonl", "{\"body\": \"ab\"}"), DatasetType::kCompletion);
  field.field = "body";
  EXPECT_EQ(load_dataset({field}, data_, &tokenizer_, options_).row(0).input_ids, text.row(0).input_ids);
  field.field = "text";
  EXPECT_THAT(error_of([&] { load_dataset({field}, data_, &tokenizer_, options_); }),
              AllOf(HasSubstr("b.jsonl:1: no \"text\""), HasSubstr("keys body")));
}

TEST_F(LoadDataset, TextFilesAreForCompletion) {
  EXPECT_THAT(error_of([&] { load(folder_.write("a.txt", "ab"), DatasetType::kAlpaca); }),
              AllOf(HasSubstr("qlora.yaml:3:5"), HasSubstr("a.txt"), HasSubstr("completion")));
}

TEST_F(LoadDataset, AlpacaFromAListKnowsTheElementsLine) {
  const std::string path =
      folder_.write("a.json", "[\n {\"instruction\": \"x\",\n  \"output\": \"y\"},\n {\"instruction\": \"x\"}\n]");
  EXPECT_THAT(error_of([&] { load(path, DatasetType::kAlpaca); }), HasSubstr("a.json:4: no \"output\""));
}

TEST_F(LoadDataset, ChatRows) {
  const Dataset dataset = load_text(
      "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": \"a\"}]}\n",
      DatasetType::kChatTemplate);
  EXPECT_EQ(tokenizer_.decode(dataset.row(0).input_ids, false),
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n");
  EXPECT_GE(dataset.row_targets(0), 2);
}

TEST_F(LoadDataset, RowWithoutMessagesIsNamed) {
  std::string bytes;
  const std::string good =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": \"a\"}]}\n";
  for (int i = 0; i < 11; ++i) bytes += good;
  const std::string message =
      load_error(bytes + "{\"chat\": [{\"role\": \"user\", \"content\": \"q\"}]}\n" + good, DatasetType::kChatTemplate);
  EXPECT_THAT(message, AllOf(HasSubstr("train.jsonl:12: no \"messages\""), HasSubstr("keys chat"),
                             HasSubstr("field_messages: chat")));
}

TEST_F(LoadDataset, ConversationWithoutAssistantHasNoTarget) {
  EXPECT_THAT(load_error("{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}]}\n", DatasetType::kChatTemplate),
              AllOf(HasSubstr("train.jsonl:1: "), HasSubstr("no target")));
}

TEST_F(LoadDataset, BrokenLine57) {
  std::string bytes;
  for (int i = 1; i <= 80; ++i) bytes += i == 57 ? "{\"input_ids\": [1, 2\n" : "{\"input_ids\": [1, 2]}\n";
  const std::string message = load_error(bytes);
  EXPECT_THAT(message, AllOf(HasSubstr("train.jsonl:57:20: "), HasSubstr("near: {\"input_ids\": [1, 2")));
  EXPECT_EQ(message.find("bad rows"), std::string::npos);
}

TEST_F(LoadDataset, AllProblemsOfARunAtOnceUpToTwenty) {
  std::string bytes;
  for (int i = 1; i <= 60; ++i) bytes += i % 2 == 0 ? "{\"input_ids\": [1, 999]}\n" : "{\"input_ids\": [1, 2]}\n";
  const std::string message = load_error(bytes);
  EXPECT_THAT(message, HasSubstr("30 bad rows in the data, the first 20:"));
  EXPECT_THAT(message,
              AllOf(HasSubstr("train.jsonl:2: "), HasSubstr("train.jsonl:40: "), Not(HasSubstr(".jsonl:42: "))));
  EXPECT_EQ(split(message, '\n').size(), 22u) << "a head line, twenty places, and the fix once";
}

TEST_F(LoadDataset, ProblemsOfSeveralFilesAndKinds) {
  folder_.write("d/b.jsonl", "{\"input_ids\": [1, 2]}\n{\"ids\": [1]}\n");
  folder_.write("d/a.json", "[{\"input_ids\": [1, 2]}, {\"input_ids\": [1, 300]}, 7]");
  const std::string message = error_of([&] { load(folder_.path("d")); });
  EXPECT_THAT(message, AllOf(HasSubstr("3 bad rows in the data:"), HasSubstr("a.json:1: input_ids[1] is 300"),
                             HasSubstr("a.json:1:50: an element"), HasSubstr("b.jsonl:2: no \"input_ids\"")));
}

TEST_F(LoadDataset, IdsOutsideTheVocabulary) {
  EXPECT_THAT(load_error("{\"input_ids\": [1, 260]}"),
              AllOf(HasSubstr("train.jsonl:1: input_ids[1] is 260"), HasSubstr("vocabulary of 260")));
  EXPECT_THAT(load_error("{\"input_ids\": [1, -1]}"), HasSubstr("input_ids[1] is -1"));
  EXPECT_THAT(load_error("{\"input_ids\": [1, -100]}"), HasSubstr("input_ids[1] is -100"));
  EXPECT_THAT(load_error("{\"input_ids\": [1, 2], \"labels\": [1, -99]}"), HasSubstr("labels[1] is -99"));
  EXPECT_THAT(load_error("{\"input_ids\": [1, 2], \"labels\": [1, 260]}"), HasSubstr("labels[1] is 260"));
  options_.vocab_size = 100;
  EXPECT_THAT(load_error("{\"text\": \"zzz\"}", DatasetType::kCompletion),
              HasSubstr("the tokenizer does not belong to this model"));
}

constexpr const char* kFourTokens = "{\"input_ids\": [1, 2, 3, 4]}\n{\"input_ids\": [5, 6]}\n";

TEST_F(LoadDataset, LongRowsRaise) {
  data_.sequence_len = 3;
  EXPECT_THAT(load_error(kFourTokens), AllOf(HasSubstr("train.jsonl:1: this row has 4 tokens, and 3 is the limit"),
                                             HasSubstr("excess_length_strategy")));
  data_.sequence_len = 4;
  EXPECT_EQ(load_text(kFourTokens).size(), 2);
}

TEST_F(LoadDataset, LongRowsAreDropped) {
  options_.sequence_len = 3;
  data_.excess_length = ExcessLength::kDrop;
  const Dataset dataset = load_text(kFourTokens);
  ASSERT_EQ(dataset.size(), 1);
  EXPECT_EQ(dataset.row(0).input_ids.front(), 5);
  ASSERT_EQ(dataset.reports.size(), 1u);
  const RowReport& report = dataset.reports.front();
  EXPECT_EQ(report.file, folder_.path("train.jsonl"));
  EXPECT_EQ(report.line, 1);
  EXPECT_EQ(report.reason, "too_long");
  EXPECT_EQ(report.action, "dropped");
  EXPECT_EQ(report.tokens, 4);
  EXPECT_EQ(report.kept_tokens, 0);
}

TEST_F(LoadDataset, LongRowsKeepTheirHead) {
  data_.sequence_len = 3;
  data_.excess_length = ExcessLength::kTruncate;
  const Dataset dataset = load_text(kFourTokens);
  ASSERT_EQ(dataset.size(), 2);
  EXPECT_EQ(dataset.row(0).input_ids, (std::vector<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(dataset.row(0).labels, (std::vector<std::int32_t>{1, 2, 3}));
  ASSERT_EQ(dataset.reports.size(), 1u);
  EXPECT_EQ(dataset.reports.front().action, "truncated");
  EXPECT_EQ(dataset.reports.front().kept_tokens, 3);
}

TEST_F(LoadDataset, TheModelsPositionsAreALimitToo) {
  options_.max_positions = 3;
  EXPECT_THAT(load_error(kFourTokens), HasSubstr("the model has no more positions"));
  data_.sequence_len = 1000;
  EXPECT_THAT(load_error(kFourTokens), HasSubstr("3 is the limit"));
  options_.max_positions = 4;
  EXPECT_EQ(load_text(kFourTokens).size(), 2);
}

TEST_F(LoadDataset, NothingLeftIsAnError) {
  data_.sequence_len = 1;
  data_.excess_length = ExcessLength::kDrop;
  EXPECT_THAT(load_error(kFourTokens),
              AllOf(HasSubstr("qlora.yaml:3:5"), HasSubstr("no row of"), HasSubstr("is left")));
  EXPECT_THAT(load_error(""), HasSubstr("no row in"));
}

constexpr const char* kOneWithout =
    "{\"input_ids\": [1, 2], \"labels\": [1, -100]}\n{\"input_ids\": []}\n{\"input_ids\": [5, 6]}\n";

TEST_F(LoadDataset, TokenizedRowsWithoutTargetsKeepTheirPlace) {
  const Dataset dataset = load_text(kOneWithout);
  ASSERT_EQ(dataset.size(), 3);
  EXPECT_EQ(dataset.row_targets(0), 0);
  EXPECT_EQ(dataset.row_tokens(1), 0);
  ASSERT_EQ(dataset.reports.size(), 2u);
  EXPECT_EQ(dataset.reports[0].reason, "no_targets");
  EXPECT_EQ(dataset.reports[0].action, "kept");
  EXPECT_EQ(dataset.reports[0].kept_tokens, 2);
  EXPECT_EQ(dataset.reports[1].line, 2);
}

TEST_F(LoadDataset, OnEmptyTargetsDropAndRaise) {
  data_.on_empty_targets = OnEmptyTargets::kDrop;
  const Dataset dropped = load_text(kOneWithout);
  EXPECT_EQ(dropped.size(), 1);
  ASSERT_EQ(dropped.reports.size(), 2u);
  EXPECT_EQ(dropped.reports[0].action, "dropped");
  EXPECT_EQ(dropped.reports[0].kept_tokens, 0);
  data_.on_empty_targets = OnEmptyTargets::kRaise;
  EXPECT_THAT(load_error(kOneWithout),
              AllOf(HasSubstr("2 bad rows"), HasSubstr("train.jsonl:1: this row has no target")));
}

TEST_F(LoadDataset, TextRowsWithoutTargetsRaiseByDefault) {
  tokenizer_.special_.add_bos = false;
  const std::string bytes = "{\"text\": \"\"}\n{\"text\": \"ab\"}\n";
  EXPECT_THAT(load_error(bytes, DatasetType::kCompletion), HasSubstr("train.jsonl:1: this row has no target"));
  data_.on_empty_targets = OnEmptyTargets::kKeep;
  EXPECT_EQ(load_text(bytes, DatasetType::kCompletion).size(), 2);
}

TEST_F(LoadDataset, CuttingMayTakeTheTargets) {
  const std::string bytes =
      "{\"input_ids\": [1, 2, 3, 4], \"labels\": [-100, -100, -100, 4]}\n{\"input_ids\": [5, 6]}\n";
  data_.sequence_len = 3;
  data_.excess_length = ExcessLength::kTruncate;
  data_.on_empty_targets = OnEmptyTargets::kRaise;
  EXPECT_THAT(load_error(bytes), HasSubstr("no target to train on in its first 3 tokens"));
  data_.on_empty_targets = OnEmptyTargets::kDrop;
  const Dataset dropped = load_text(bytes);
  EXPECT_EQ(dropped.size(), 1);
  ASSERT_EQ(dropped.reports.size(), 1u) << "reported once, by what became of it";
  EXPECT_EQ(dropped.reports[0].action, "dropped");
  EXPECT_EQ(dropped.reports[0].tokens, 4);
  data_.on_empty_targets = OnEmptyTargets::kKeep;
  const Dataset kept = load_text(bytes);
  EXPECT_EQ(kept.size(), 2);
  EXPECT_EQ(kept.reports.size(), 2u);
}

TEST_F(LoadDataset, NoTargetAtAllIsAnError) {
  data_.on_empty_targets = OnEmptyTargets::kKeep;
  EXPECT_THAT(load_error("{\"input_ids\": [1, 2], \"labels\": [2, -100]}\n{\"input_ids\": [3]}\n"),
              AllOf(HasSubstr("qlora.yaml:3:5"), HasSubstr("nothing to learn from")));
}

TEST_F(LoadDataset, SeveralDataSetsAreOneAfterTheOther) {
  const std::string first = folder_.write("b.jsonl", "{\"input_ids\": [1, 2]}");
  const std::string second = folder_.write("a.txt", "x");
  const Dataset dataset =
      load_dataset({config(first), config(second, DatasetType::kCompletion)}, data_, &tokenizer_, options_);
  ASSERT_EQ(dataset.size(), 2);
  EXPECT_EQ(dataset.row(0).input_ids.front(), 1);
  EXPECT_EQ(dataset.row(1).input_ids.front(), 256);
  EXPECT_THAT(error_of([&] { load_dataset({}, data_, &tokenizer_, options_); }), HasSubstr("no data set"));
}

TEST_F(LoadDataset, AppliesTrainOnInputs) {
  data_.train_on_inputs = true;
  const Dataset dataset = load_text("{\"instruction\": \"x\", \"output\": \"y\"}", DatasetType::kAlpaca);
  EXPECT_EQ(dataset.row_targets(0), dataset.row_tokens(0) - 1);
}

struct SharedCase {
  const char* path;
  DatasetType type;
  std::int64_t rows;
};

class SharedDatasets : public LoadDataset, public testing::WithParamInterface<SharedCase> {};

TEST_P(SharedDatasets, ReadWhole) {
  SKIP_WITHOUT_SHARED("datasets");
  DatasetConfig shared = config(shared_path(std::string("datasets/") + GetParam().path), GetParam().type);
  if (GetParam().type == DatasetType::kCompletion) shared.field = "question";
  if (GetParam().type == DatasetType::kChatTemplate) {
    shared.field_messages = "conversations";
    shared.property_role = "from";
    shared.property_content = "value";
  }
  const Dataset dataset = load_dataset({shared}, data_, &tokenizer_, options_);
  EXPECT_EQ(dataset.size(), GetParam().rows);
  EXPECT_TRUE(dataset.reports.empty());
  EXPECT_GT(dataset.stats().targets, dataset.size());
}

INSTANTIATE_TEST_SUITE_P(All, SharedDatasets,
                         testing::Values(SharedCase{"alpaca/alpaca_en_demo.json", DatasetType::kAlpaca, 999},
                                         SharedCase{"alpaca/identity.json", DatasetType::kAlpaca, 91},
                                         SharedCase{"alpaca", DatasetType::kAlpaca, 1190},
                                         SharedCase{"gsm8k/train.jsonl", DatasetType::kCompletion, 7473},
                                         SharedCase{"wikitext-2/valid.txt", DatasetType::kCompletion, 2461},
                                         SharedCase{"chat/fastchat_dummy_conversation.json", DatasetType::kChatTemplate,
                                                    500}),
                         [](const auto& param) {
                           std::string name = param.param.path;
                           for (char& c : name)
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace vernier

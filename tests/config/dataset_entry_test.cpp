#include "config/dataset_entry.h"

#include <gmock/gmock.h>

#include "config_test_util.h"

namespace vernier {
namespace {

using testing::HasSubstr;

DatasetConfig entry(const std::string& text) {
  return read_text("base_model: m\noutput_dir: o\ndatasets: [{" + text + "}]\n").config.data.datasets.at(0);
}

std::string entry_refusal(const std::string& text) {
  return refusal("base_model: m\noutput_dir: o\ndatasets: [{" + text + "}]\n");
}

TEST(DatasetEntry, Reads) {
  EXPECT_EQ(entry("path: a").type, DatasetType::kTokenized);
  EXPECT_EQ(entry("path: a, type: ").type, DatasetType::kTokenized);
  EXPECT_EQ(entry("path: a, type: completion, field: body").field, "body");
  const DatasetConfig chat = entry(
      "path: a, type: chat_template, field_messages: conversations, message_property_mappings: {role: from, content: "
      "value}");
  EXPECT_EQ(chat.field_messages, "conversations");
  EXPECT_EQ(chat.property_role, "from");
  EXPECT_EQ(chat.property_content, "value");
  EXPECT_EQ(chat.where, "run.yaml:3:12");
  EXPECT_EQ(entry("path: a, type: chat_template, message_field_role: from").property_role, "from");
}

TEST(DatasetEntry, Refuses) {
  EXPECT_THAT(entry_refusal("type: alpaca"), HasSubstr("run.yaml:3:12: datasets: an entry has no path"));
  EXPECT_THAT(entry_refusal("path: a, typ: alpaca"), HasSubstr("did you mean type?"));
  EXPECT_THAT(entry_refusal("path: a, type: sharegpt"), HasSubstr("field_messages: conversations"));
  EXPECT_THAT(entry_refusal("path: a, type: alpca"), HasSubstr("did you mean alpaca?"));
  EXPECT_THAT(entry_refusal("path: a, type: dpo"), HasSubstr("preference"));
  EXPECT_THAT(entry_refusal("path: a, type: {field_instruction: q}"), HasSubstr("own prompt formats"));
  EXPECT_THAT(entry_refusal("path: a, field: body"), HasSubstr("field is not used by type: tokenized"));
  EXPECT_THAT(entry_refusal("path: a, type: alpaca, field_messages: m"), HasSubstr("set type: chat_template"));
  EXPECT_THAT(entry_refusal("path: a, type: chat_template, message_property_mappings: {rol: x}"),
              HasSubstr("is not mapped"));
  EXPECT_THAT(entry_refusal("path: a, type: chat_template, message_property_mappings: from"), HasSubstr("a map"));
  EXPECT_THAT(
      entry_refusal("path: a, type: chat_template, message_property_mappings: {role: x}, message_field_role: y"),
      HasSubstr("keep one of the two"));
  EXPECT_THAT(entry_refusal("path: a, ds_type: parquet"), HasSubstr("JSONL"));
  EXPECT_THAT(entry_refusal("path: a, weight: 0.5"), HasSubstr("weights"));
  EXPECT_THAT(entry_refusal("path: a, roles_to_train: [assistant, user]"), HasSubstr("assistant"));
  EXPECT_THAT(entry_refusal("path: [a]"), HasSubstr("a list is not a single text"));
  EXPECT_THAT(refusal("base_model: m\noutput_dir: o\ndatasets: data.jsonl\n"), HasSubstr("run.yaml:3:11"));
  EXPECT_THAT(refusal("base_model: m\noutput_dir: o\ndatasets: []\n"), HasSubstr("the list is empty"));
  EXPECT_THAT(refusal("base_model: m\noutput_dir: o\ndatasets: [a, b]\n"), HasSubstr("run.yaml:3:15"));
}

TEST(DatasetEntry, AcceptsWhatChangesNothing) {
  const LoadedConfig loaded = read_text(
      "base_model: m\noutput_dir: o\n"
      "datasets: [{path: a, ds_type: json, split: train, weight: 1.0, roles_to_train: [assistant]}]\n");
  EXPECT_TRUE(has_note(loaded, "ds_type has no effect here"));
}

}  // namespace
}  // namespace vernier

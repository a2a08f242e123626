#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/dataset_fixture.h"
#include "data/prompt.h"

namespace vernier {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Json messages_of(const char* text, const DatasetConfig& config = {}) {
  return chat_messages(Json::parse(text), config);
}
std::string message_error(const char* text, const DatasetConfig& config = {}) {
  return error_of([&] { messages_of(text, config); });
}
DatasetConfig sharegpt() {
  DatasetConfig config;
  config.field_messages = "conversations";
  config.property_role = "from";
  config.property_content = "value";
  return config;
}

TEST(ChatMessages, PassThroughWithRoleAndContentFirst) {
  EXPECT_EQ(messages_of(R"({"messages": [{"content": "hi", "role": "user", "name": "Ann"}]})").dump(),
            R"([{"role":"user","content":"hi","name":"Ann"}])");
}

TEST(ChatMessages, MappingsAndAliases) {
  EXPECT_EQ(messages_of(R"({"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"},
                            {"from": "gpt", "value": "a", "loss": 1}]})",
                        sharegpt())
                .dump(),
            R"([{"role":"system","content":"s"},{"role":"user","content":"q"},)"
            R"({"role":"assistant","content":"a","loss":1}])");
}

TEST(ChatMessages, MissingConversationSuggestsTheKey) {
  EXPECT_THAT(message_error(R"({"id": 1, "conversations": [{"from": "human", "value": "q"}]})"),
              AllOf(HasSubstr("no \"messages\""), HasSubstr("keys id, conversations"),
                    HasSubstr("field_messages: conversations")));
  EXPECT_THAT(message_error(R"({"text": "x"})"), AllOf(HasSubstr("keys text"), HasSubstr("field_messages")));
}

TEST(ChatMessages, SharegptRowsAreRecognised) {
  EXPECT_THAT(message_error(R"({"messages": [{"from": "human", "value": "q"}]})"),
              AllOf(HasSubstr("message 1 has no string \"role\""),
                    HasSubstr("message_property_mappings: {role: from, content: value}")));
}

TEST(ChatMessages, BadShapes) {
  EXPECT_THAT(message_error(R"({"messages": []})"), HasSubstr("\"messages\" is an empty list"));
  EXPECT_THAT(message_error(R"({"messages": "hi"})"), HasSubstr("\"messages\" is of the JSON type string"));
  EXPECT_THAT(message_error(R"({"messages": null})"), HasSubstr("JSON type null"));
  EXPECT_THAT(message_error(R"({"messages": ["hi"]})"), HasSubstr("message 1 is of the JSON type string"));
  EXPECT_THAT(
      message_error(R"({"messages": [{"role": "user", "content": "a"}, {"role": "narrator", "content": "b"}]})"),
      AllOf(HasSubstr("message 2 has the unknown role \"narrator\""), HasSubstr("roles: system")));
  EXPECT_THAT(message_error(R"({"messages": [{"role": 1, "content": "a"}]})"), HasSubstr("no string \"role\""));
  EXPECT_THAT(message_error(R"({"messages": [{"role": "user"}]})"), HasSubstr("message 1 has no \"content\""));
  EXPECT_THAT(message_error(R"({"messages": [{"role": "user", "content": null}]})"), HasSubstr("no \"content\""));
  EXPECT_THAT(message_error(R"({"messages": [{"role": "user", "content": 7}]})"), HasSubstr("JSON type number"));
}

TEST(ChatMessages, ContentMayBeTextParts) {
  EXPECT_EQ(messages_of(R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]})")[0]["content"]
                .size(),
            1u);
  EXPECT_THAT(message_error(R"({"messages": [{"role": "user", "content": [{"type": "image", "url": "x"}]}]})"),
              HasSubstr("only text can be trained on"));
  EXPECT_THAT(message_error(R"({"messages": [{"role": "user", "content": []}]})"), HasSubstr("JSON type array"));
}

TEST(ChatMessages, ToolCallsNeedNoContent) {
  const Json messages = messages_of(
      R"({"messages": [{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f"}}]},
                       {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "4"}]})");
  EXPECT_TRUE(messages[0]["content"].is_null());
  EXPECT_EQ(messages[0]["tool_calls"][0]["function"]["name"], "f");
  EXPECT_FALSE(messages[1].contains("content"));
}

TEST(ChatTools, ListOrStringOrNone) {
  EXPECT_TRUE(chat_tools(Json::parse("{}")).is_null());
  EXPECT_TRUE(chat_tools(Json::parse(R"({"tools": null})")).is_null());
  EXPECT_TRUE(chat_tools(Json::parse(R"({"tools": []})")).is_null());
  EXPECT_TRUE(chat_tools(Json::parse(R"({"tools": "[]"})")).is_null());
  EXPECT_TRUE(chat_tools(Json::parse(R"({"tools": ""})")).is_null());
  EXPECT_EQ(chat_tools(Json::parse(R"({"tools": [{"name": "f"}]})"))[0]["name"], "f");
  EXPECT_EQ(chat_tools(Json::parse(R"({"tools": "[{\"name\": \"f\"}]"})"))[0]["name"], "f");
  EXPECT_THAT(error_of([] { chat_tools(Json::parse(R"({"tools": "no"})")); }), HasSubstr("not JSON"));
  EXPECT_THAT(error_of([] { chat_tools(Json::parse(R"({"tools": {"a": 1}})")); }), HasSubstr("JSON type object"));
}

class ChatRow : public testing::Test {
 protected:
  Row row(const char* text, bool train_on_inputs = false) {
    const ChatTemplate chat_template = load_chat_template("tokenizer_default", tokenizer_);
    return chat_row(Json::parse(text), DatasetConfig{}, chat_template, tokenizer_, train_on_inputs);
  }
  std::string trained(const Row& row) {
    std::vector<TokenId> ids;
    for (const std::int32_t label : row.labels)
      if (label != kNoTarget) ids.push_back(label);
    return tokenizer_.decode(ids, false);
  }
  ByteTokenizer tokenizer_;
};

constexpr const char* kTwoTurns =
    R"({"messages": [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"},
                     {"role": "user", "content": "q2"}, {"role": "assistant", "content": "a2"}]})";

TEST_F(ChatRow, TheTemplateAloneWritesSpecialTokens) {
  const Row whole = row(kTwoTurns);
  EXPECT_EQ(tokenizer_.decode(whole.input_ids, false),
            "<|im_start|>user\nq1<|im_end|>\n<|im_start|>assistant\na1<|im_end|>\n"
            "<|im_start|>user\nq2<|im_end|>\n<|im_start|>assistant\na2<|im_end|>\n");
}

TEST_F(ChatRow, AssistantTurnsWithTheirEndAreTrained) {
  const std::string text = trained(row(kTwoTurns));
  EXPECT_THAT(text, AllOf(HasSubstr("a1<|im_end|>"), HasSubstr("a2<|im_end|>")));
  EXPECT_THAT(text, Not(HasSubstr("q1")));
  EXPECT_THAT(text, Not(HasSubstr("user")));
  EXPECT_THAT(text, Not(HasSubstr("<|im_start|>")));
}

TEST_F(ChatRow, TrainOnInputsTrainsAll) {
  const Row whole = row(kTwoTurns, true);
  EXPECT_EQ(whole.labels, whole.input_ids);
}

TEST_F(ChatRow, TwoBosTokensAreRefused) {
  tokenizer_.template_ = "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}";
  EXPECT_THAT(error_of([&] { row(R"({"messages": [{"role": "assistant", "content": "<s>a"}]})", true); }),
              HasSubstr("two BOS tokens"));
}

}  // namespace
}  // namespace vernier

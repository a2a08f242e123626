// Chat templates against what transformers renders, masks and tokenizes: SmolLM2 from tests/golden/chat, all eleven
// templates with three tokenizers from ../shared when it is there.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "data/chat_template.h"
#include "data/chat_template_fixture.h"
#include "data/tokenizer_json.h"
#include "io/json.h"
#include "io/read_file.h"
#include "support/skips.h"

namespace vernier {
namespace {

// 26 July 2024, the date of the goldens.
std::tm golden_date() {
  std::tm time{};
  time.tm_year = 124;
  time.tm_mon = 6;
  time.tm_mday = 26;
  return time;
}

using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;

std::vector<bool> mask_of(std::size_t size, const Ranges& ranges) {
  std::vector<bool> mask(size, false);
  for (const auto& [first, last] : ranges) {
    for (std::size_t i = first; i < last; ++i) mask.at(i) = true;
  }
  return mask;
}

// Whether the golden prefix rule holds for every assistant turn; where it does not, encode must refuse.
bool all_stable(const Json& result) {
  for (const Json& span : result["spans"]) {
    if (!span["stable"].get<bool>()) return false;
  }
  return true;
}

// One conversation under one template: texts, and the trained bytes.
void check_bytes(const ChatTemplate& chat, const test::ByteTokenizer& bytes, const Json& conversation,
                 const Json& result) {
  SCOPED_TRACE(result["name"].get<std::string>());
  const Json& messages = conversation["messages"];
  const Json tools = conversation.value("tools", Json(nullptr));
  if (result.contains("error")) {
    EXPECT_THROW(chat.render(messages, false, tools), Error);
    return;
  }
  EXPECT_EQ(chat.render(messages, false, tools), result["text"].get<std::string>());
  EXPECT_EQ(chat.render(messages, true, tools), result["text_gen"].get<std::string>());
  if (!all_stable(result)) {
    EXPECT_THROW(chat.encode(messages, bytes, tools), Error);
    return;
  }
  const ChatTemplate::Rendered rendered = chat.encode(messages, bytes, tools);
  Ranges ranges;
  for (const Json& span : result["spans"]) ranges.emplace_back(span["start_utf8"], span["end_eot_utf8"]);
  EXPECT_EQ(bytes.decode(rendered.ids, false), result["text"].get<std::string>());
  std::vector<bool> trained;
  for (std::size_t i = 0; i < rendered.ids.size(); ++i)
    trained.insert(trained.end(), bytes.decode({rendered.ids[i]}, false).size(), rendered.trained[i]);
  EXPECT_EQ(trained, mask_of(trained.size(), ranges));
}

// The same with a real tokenizer: ids, and which are trained.
void check_ids(const ChatTemplate& chat, const Tokenizer& tokenizer, const std::string& name, const Json& conversation,
               const Json& result) {
  if (result.contains("error") || !all_stable(result)) return;
  SCOPED_TRACE(str(result["name"], " with ", name));
  const ChatTemplate::Rendered rendered =
      chat.encode(conversation["messages"], tokenizer, conversation.value("tools", Json(nullptr)));
  const Json& tokens = result["tokens"][name];
  EXPECT_EQ(rendered.ids, tokens["ids"].get<std::vector<TokenId>>());
  EXPECT_EQ(rendered.trained, mask_of(rendered.ids.size(), tokens["trained"].get<Ranges>()));
}

std::unique_ptr<Tokenizer> shared_tokenizer(const std::string& name) {
  TokenizerFiles files;
  files.directory = shared_path("tokenizers/") + name;
  files.tokenizer_json = read_file(files.directory + "/tokenizer.json");
  files.tokenizer_config = read_file(files.directory + "/tokenizer_config.json");
  return tokenizer_from_json(files);
}

std::string shared_template(const std::string& name) {
  const std::string folder = shared_path("tokenizers/");
  if (name == "smollm2-135m") return read_file(folder + name + "/chat_template.jinja");
  const std::string alone = folder + "chat_templates/" + name + ".jinja";
  if (std::filesystem::exists(alone)) return read_file(alone);
  return read_json_file(folder + name + "/tokenizer_config.json")["chat_template"].get<std::string>();
}

std::vector<Json> shared_goldens() {
  std::vector<Json> goldens;
  for (const auto& entry : std::filesystem::directory_iterator(shared_path("golden/chat"))) {
    if (entry.path().filename() != "conversations.json") goldens.push_back(read_json_file(entry.path().string()));
  }
  return goldens;
}

TEST(ChatTemplateGolden, SmolLm2) {
  const Json golden = read_json_file(VERNIER_SOURCE_DIR "/tests/golden/chat/smollm2.json");
  const test::ByteTokenizer bytes({golden["bos_token"], golden["eos_token"]});
  const ChatTemplate chat(golden["source"], "smollm2", bytes);
  ASSERT_EQ(golden["results"].size(), 8U);
  for (const Json& result : golden["results"]) check_bytes(chat, bytes, result, result);
}

// Of a conversation that the assistant opens, SmolLM2's own system text is nobody's answer.
TEST(ChatTemplateGolden, SmolLm2sDefaultSystemTextIsNotTrained) {
  const Json golden = read_json_file(VERNIER_SOURCE_DIR "/tests/golden/chat/smollm2.json");
  const test::ByteTokenizer bytes({golden["bos_token"], golden["eos_token"]});
  const ChatTemplate chat(golden["source"], "smollm2", bytes);
  const auto trained = [&](const char* messages) {
    const auto rendered = chat.encode(Json::parse(messages), bytes);
    return std::count(rendered.trained.begin(), rendered.trained.end(), true);
  };
  EXPECT_EQ(trained(R"([{"role": "assistant", "content": "a"}])"), 2);
  EXPECT_EQ(trained(R"([{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"},
                        {"role": "assistant", "content": "c"}])"),
            4);
}

TEST(ChatTemplateGolden, ChatmlEqualsSmolLm2WhereTheSystemIsGiven) {
  const Json golden = read_json_file(VERNIER_SOURCE_DIR "/tests/golden/chat/smollm2.json");
  const test::ByteTokenizer bytes;
  const ChatTemplate chat = load_chat_template("chatml", bytes);
  int compared = 0;
  for (const Json& result : golden["results"]) {
    if (result["messages"][0]["role"] != "system") continue;
    check_bytes(chat, bytes, result, result);
    ++compared;
  }
  EXPECT_GE(compared, 4);
}

TEST(ChatTemplateGolden, EveryTemplateRendersAndMasksAsTransformers) {
  SKIP_WITHOUT_SHARED("golden/chat");
  const Json conversations = read_json_file(shared_path("golden/chat/conversations.json"));
  const std::vector<Json> goldens = shared_goldens();
  EXPECT_EQ(goldens.size(), 11U);
  for (const Json& golden : goldens) {
    const auto name = golden["template"].get<std::string>();
    SCOPED_TRACE(name);
    const test::ByteTokenizer bytes({golden["bos_token"], golden["eos_token"]});
    const ChatTemplate chat(shared_template(name), name, bytes, golden_date);
    for (std::size_t i = 0; i < conversations.size(); ++i)
      check_bytes(chat, bytes, conversations[i], golden["results"][i]);
  }
}

TEST(ChatTemplateGolden, TokensAndMaskOfThreeTokenizers) {
  SKIP_WITHOUT_SHARED("golden/chat");
  const Json conversations = read_json_file(shared_path("golden/chat/conversations.json"));
  const std::vector<Json> goldens = shared_goldens();
  for (const std::string name : {"smollm2-135m", "npm-qwen3", "npm-llama3_1"}) {
    const std::unique_ptr<Tokenizer> tokenizer = shared_tokenizer(name);
    for (const Json& golden : goldens) {
      const auto template_name = golden["template"].get<std::string>();
      SCOPED_TRACE(template_name);
      const test::RenamedSpecials renamed(*tokenizer, golden["bos_token"], golden["eos_token"]);
      const ChatTemplate chat(shared_template(template_name), template_name, renamed, golden_date);
      for (std::size_t i = 0; i < conversations.size(); ++i)
        check_ids(chat, renamed, name, conversations[i], golden["results"][i]);
    }
  }
}

}  // namespace
}  // namespace vernier

#include "data/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "data/chat_template_fixture.h"
#include "data/jinja/unicode.h"

namespace vernier {
namespace {

using test::ByteTokenizer;
using testing::HasSubstr;

const Json kConversation = Json::parse(R"([
  {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"},
  {"role": "user", "content": "Bye"}, {"role": "assistant", "content": "."}])");

// The trained text, its pieces apart.
std::string trained_text(const ChatTemplate::Rendered& rendered, const Tokenizer& tokenizer) {
  std::string text;
  for (std::size_t i = 0; i < rendered.ids.size(); ++i) {
    const bool starts = rendered.trained[i] && (i == 0 || !rendered.trained[i - 1]);
    if (starts && !text.empty()) text += " | ";
    if (rendered.trained[i]) text += tokenizer.decode({rendered.ids[i]}, false);
  }
  return text;
}

std::string trained_text(const std::string& source, const Json& messages, const Tokenizer& tokenizer) {
  return trained_text(ChatTemplate(source, "test", tokenizer).encode(messages, tokenizer), tokenizer);
}

template <typename Run>
std::string error_of(Run run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.message();
  }
  return "no error";
}

constexpr const char* kPlain =
    "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}";

TEST(ChatTemplate, TheBuiltInChatml) {
  const ByteTokenizer bytes;
  const ChatTemplate chat = load_chat_template("chatml", bytes);
  EXPECT_EQ(chat.render(kConversation, true),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
            "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n.<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(trained_text(chat.encode(kConversation, bytes), bytes), "Yo<|im_end|> | .<|im_end|>");
}

TEST(ChatTemplate, TurnsByGrowingPrefixes) {
  const ByteTokenizer bytes;
  EXPECT_EQ(trained_text(kPlain, kConversation, bytes), "Yo<|im_end|> | .<|im_end|>");
}

TEST(ChatTemplate, WithoutAGenerationPromptTheRoleBelongsToTheTurn) {
  const ByteTokenizer bytes;
  EXPECT_EQ(
      trained_text("{% for m in messages %}[{{ m.role }}]{{ m.content }}<|im_end|>{% endfor %}", kConversation, bytes),
      "[assistant]Yo<|im_end|> | [assistant].<|im_end|>");
}

TEST(ChatTemplate, ATurnWithoutMarkerIsTrainedToItsEnd) {
  const ByteTokenizer bytes({"<s>", "<end>"});
  EXPECT_EQ(trained_text("{% for m in messages %}{{ m.role[0] }}{{ m.content }};\n{% endfor %}"
                         "{% if add_generation_prompt %}a{% endif %}",
                         kConversation, bytes),
            "Yo;\n | .;\n");
}

TEST(ChatTemplate, TheTokenizersEosEndsATurnOfAnUnknownFormat) {
  const ByteTokenizer bytes({"<s>", "<end>"});
  EXPECT_EQ(trained_text("{% for m in messages %}{{ m.role[0] }}{{ m.content }}{{ eos_token }}\n{% endfor %}"
                         "{% if add_generation_prompt %}a{% endif %}",
                         kConversation, bytes),
            "Yo<end> | .<end>");
}

TEST(ChatTemplate, GenerationBlocksAreTheTrainedText) {
  const ByteTokenizer bytes;
  EXPECT_EQ(trained_text("{% for m in messages %}{{ m.role }}{% if m.role == 'assistant' %}{% generation %}"
                         "<{{ m.content }}>{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
                         kConversation, bytes),
            "<Yo> | <.>");
}

TEST(ChatTemplate, GenerationBlockOfUnknownPlaceIsRefused) {
  const ByteTokenizer bytes;
  const ChatTemplate chat("{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}{{ m() }}", "t", bytes);
  EXPECT_EQ(chat.render(kConversation, false), "x");
  EXPECT_THAT(error_of([&] { chat.encode(kConversation, bytes); }), HasSubstr("prints inside a macro"));
}

TEST(ChatTemplate, AConversationWithoutAssistantTrainsNothing) {
  const ByteTokenizer bytes;
  const Json messages = Json::parse(R"([{"role": "user", "content": "Hi"}])");
  for (const char* source : {kPlain, "{% generation %}{% endgeneration %}x"}) {
    const auto rendered = ChatTemplate(source, "t", bytes).encode(messages, bytes);
    EXPECT_FALSE(rendered.ids.empty());
    EXPECT_EQ(trained_text(rendered, bytes), "");
  }
}

// Writes "thought" only into the last assistant's turn, as reasoning models' templates do.
constexpr const char* kRewriting =
    "{% for m in messages %}{{ m.role }}:{% if loop.last and m.role == 'assistant' %}(thought){% endif %}"
    "{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

TEST(ChatTemplate, ARewritingTemplateIsRefusedUnlessThereIsOneTurn) {
  const ByteTokenizer bytes;
  const std::string message = error_of([&] { trained_text(kRewriting, kConversation, bytes); });
  EXPECT_THAT(message, HasSubstr("changes the text of earlier messages"));
  EXPECT_THAT(message, HasSubstr("message 2"));
  const Json single(Json::array({kConversation[0], kConversation[1]}));
  EXPECT_EQ(trained_text(kRewriting, single, bytes), "(thought)Yo<|im_end|>");
}

// A system text of its own, as SmolLM2's has, before a conversation that brings none.
constexpr const char* kDefaultSystem =
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}system: help<|im_end|>\n{% endif %}"
    "{{ m.role }}: {{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

TEST(ChatTemplate, ADefaultSystemTextIsNotTheAssistants) {
  const ByteTokenizer bytes;
  const auto trained = [&](const char* messages) { return trained_text(kDefaultSystem, Json::parse(messages), bytes); };
  EXPECT_EQ(trained(R"([{"role": "assistant", "content": "a"}])"), "a<|im_end|>");
  EXPECT_EQ(trained(R"([{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"},
                        {"role": "assistant", "content": "c"}])"),
            "a<|im_end|> | c<|im_end|>");
  EXPECT_EQ(trained(R"([{"role": "assistant", "content": "xyz"}])"), "xyz<|im_end|>");
  EXPECT_EQ(trained(R"([{"role": "assistant", "content": ""}])"), "<|im_end|>");
  EXPECT_EQ(trained(R"([{"role": "system", "content": "s"}, {"role": "assistant", "content": "a"}])"), "a<|im_end|>");
  // Without the start of an answer too, the turn begins with what the assistant says.
  EXPECT_EQ(trained_text("{% if messages[0].role != 'system' %}help;{% endif %}{% for m in messages %}"
                         "[{{ m.role }}]{{ m.content }}<|im_end|>{% endfor %}",
                         Json::parse(R"([{"role": "assistant", "content": "a"}])"), bytes),
            "a<|im_end|>");
}

TEST(ChatTemplate, PrefixesTheTemplateRefusesWithGenerationPrompt) {
  const ByteTokenizer bytes;
  const std::string source =
      std::string("{% if add_generation_prompt %}{{ raise_exception('no') }}{% endif %}") + kPlain;
  EXPECT_EQ(trained_text(source, kConversation, bytes), "assistant: Yo<|im_end|> | assistant: .<|im_end|>");
}

// Tokens of which the text cannot be read along: every letter is lowered, pairs of letters become one token.
class LoweringTokenizer : public ByteTokenizer {
 public:
  std::vector<TokenId> encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    for (const TokenId id : ByteTokenizer::encode(jinja::to_lower(text))) {
      if (!ids.empty() && ids.back() == 'y' && id == 'o') {
        ids.back() = kYo;
      } else {
        ids.push_back(id);
      }
    }
    return ids;
  }
  std::string token_text(TokenId id) const override { return id == kYo ? "yo" : ByteTokenizer::token_text(id); }
  std::string decode(const std::vector<TokenId>& ids, bool skip) const override {
    return ids[0] == kYo ? "yo" : ByteTokenizer::decode(ids, skip);
  }
  static constexpr TokenId kYo = 999;
};

TEST(ChatTemplate, TokensThatDoNotSpellTheTextAreFoundByPrefixes) {
  const LoweringTokenizer lowering;
  EXPECT_EQ(trained_text(kPlain, kConversation, lowering), "yo<|im_end|> | .<|im_end|>");
  // The turn begins inside the token "yo": it is left out.
  EXPECT_EQ(trained_text("{% for m in messages %}{{ m.role }}:Y{{ m.content }}<|im_end|>{% endfor %}"
                         "{% if add_generation_prompt %}assistant:Y{% endif %}",
                         Json::parse(R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "Ob"}])"),
                         lowering),
            "b<|im_end|>");
}

TEST(ChatTemplate, SpecialTokensAreGivenByName) {
  ByteTokenizer bytes({"<s>", "</s>"});
  const std::string source = "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ unk_token is defined }}";
  EXPECT_EQ(ChatTemplate(source, "t", bytes).render(kConversation, false), "<s></s>FalseFalse");
  bytes.special_.pad = 257;
  EXPECT_EQ(ChatTemplate("{{ pad_token }}", "t", bytes).render(kConversation, false), "</s>");
}

TEST(ChatTemplate, ToolsAndReasoning) {
  const ByteTokenizer bytes;
  const ChatTemplate tools("{{ tools | tojson }}{{ documents is none }}", "t", bytes);
  EXPECT_EQ(tools.render(kConversation, false), "nullTrue");
  EXPECT_EQ(tools.render(kConversation, false, Json::parse(R"([{"name": "f"}])")), "[{\"name\": \"f\"}]True");
  // Under every name that templates read, as transformers does.
  const Json messages = Json::parse(R"([{"role": "assistant", "content": "a", "reasoning": "why"}])");
  EXPECT_EQ(ChatTemplate("{{ messages[0] }}", "t", bytes).render(messages, false),
            "{'thinking': 'why', 'role': 'assistant', 'content': 'a', 'reasoning': 'why', 'reasoning_content': 'why'}");
}

TEST(ChatTemplate, BadMessages) {
  const ByteTokenizer bytes;
  const ChatTemplate chat(kPlain, "t", bytes);
  const auto message = [&](const char* messages) {
    return error_of([&] { chat.encode(Json::parse(messages), bytes); });
  };
  EXPECT_THAT(message("{}"), HasSubstr("not a list"));
  EXPECT_THAT(message("[]"), HasSubstr("no messages"));
  EXPECT_THAT(message("[1]"), HasSubstr("message 1 is not an object"));
  EXPECT_THAT(message(R"([{"role": "user", "content": "a"}, {"content": "a"}])"), HasSubstr("message 2 has no role"));
  EXPECT_THAT(message(R"([{"role": 5}])"), HasSubstr("message 1 has no role"));
  EXPECT_THAT(message(R"([{"role": "user", "content": 18446744073709551615}])"), HasSubstr("does not fit 64 bits"));
  EXPECT_THAT(error_of([&] {
                chat.render(Json::array({{{"role", "user"}, {"content", "\xff"}}}), false);
              }),
              HasSubstr("not UTF-8"));
}

TEST(ChatTemplate, BadTemplates) {
  const ByteTokenizer bytes;
  const auto message = [&](const char* source) {
    return error_of([&] { ChatTemplate(source, "my.jinja", bytes).render(kConversation, false); });
  };
  EXPECT_THAT(message(" \n"), HasSubstr("my.jinja: the chat template is empty"));
  EXPECT_THAT(message("a\n{% if x %}"), HasSubstr("my.jinja:2: "));
  EXPECT_THAT(message("\n\n{{ messages[0].content.nope.x }}"), HasSubstr("my.jinja:3: UndefinedError"));
  EXPECT_THAT(message("{{ raise_exception('roles must alternate') }}"), HasSubstr("my.jinja:1: roles must alternate"));
  EXPECT_THAT(message("\xff"), HasSubstr("not UTF-8"));
}

TEST(ChatTemplate, Settings) {
  ByteTokenizer bytes;
  EXPECT_THAT(error_of([&] { load_chat_template("tokenizer_default", bytes); }), HasSubstr("no chat template"));
  EXPECT_THAT(error_of([&] { load_chat_template("chatlm", bytes); }), HasSubstr("'chatlm'"));
  EXPECT_THAT(error_of([&] { load_chat_template("/", bytes); }), HasSubstr("'/'"));
  bytes.template_ = "{{ messages | length }}";
  EXPECT_EQ(load_chat_template("tokenizer_default", bytes).render(kConversation, false), "4");
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "vernier_chat_template_test.jinja";
  std::ofstream(path) << "{{ messages[0].role }}";
  const ChatTemplate chat = load_chat_template(path.string(), bytes);
  std::filesystem::remove(path);
  EXPECT_EQ(chat.render(kConversation, false), "user");
  EXPECT_EQ(chat.source(), "{{ messages[0].role }}");
}

}  // namespace
}  // namespace vernier

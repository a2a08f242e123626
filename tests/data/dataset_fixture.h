#pragma once
// What the data set tests share: a tokenizer of bytes, a folder that goes away, and the message of an Error.

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/tokenizer.h"

namespace vernier {

// A token a byte, and the special tokens <s> 256, </s> 257, <|im_start|> 258, <|im_end|> 259, recognised in a text.
class ByteTokenizer : public Tokenizer {
 public:
  static constexpr TokenId kBos = 256, kEos = 257, kImStart = 258, kImEnd = 259;

  explicit ByteTokenizer(bool add_bos = true) {
    special_.bos = kBos;
    special_.eos = kEos;
    special_.add_bos = add_bos;
  }

  std::vector<TokenId> encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      TokenId id = static_cast<unsigned char>(text.front());
      std::size_t bytes = 1;
      for (std::size_t k = 0; k < kAdded.size(); ++k) {
        if (!text.starts_with(kAdded[k])) continue;
        id = kBos + static_cast<TokenId>(k);
        bytes = kAdded[k].size();
      }
      ids.push_back(id);
      text.remove_prefix(bytes);
    }
    return ids;
  }
  std::string decode(const std::vector<TokenId>& ids, bool skip_special) const override {
    std::string text;
    for (const TokenId id : ids)
      if (id < kBos || !skip_special) text += token_text(id);
    return text;
  }
  std::int64_t vocab_size() const override { return 260; }
  std::optional<TokenId> find(std::string_view token) const override {
    const std::vector<TokenId> ids = encode(token);
    return ids.size() == 1 ? std::optional(ids.front()) : std::nullopt;
  }
  std::string token_text(TokenId id) const override {
    return id < kBos ? std::string(1, static_cast<char>(id)) : std::string(kAdded[static_cast<std::size_t>(id - kBos)]);
  }
  const SpecialTokens& special() const override { return special_; }
  const std::string& chat_template() const override { return template_; }
  const std::string& identity() const override { return identity_; }

  SpecialTokens special_;
  std::string template_ =
      "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
      "'\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

 private:
  static constexpr std::array<std::string_view, 4> kAdded = {"<s>", "</s>", "<|im_start|>", "<|im_end|>"};
  std::string identity_ = "bytes";
};

// A fresh folder for one test, removed with all it holds.
class DataFolder {
 public:
  DataFolder() {
    path_ = std::filesystem::temp_directory_path() / ("vernier-data-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(path_);
  }
  ~DataFolder() { std::filesystem::remove_all(path_); }
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  std::string path(const std::string& name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }
  // Writes a file and gives its path.
  std::string write(const std::string& name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

// The whole message of the Error that `call` throws; a failure when it throws none.
template <typename Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.message();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

}  // namespace vernier

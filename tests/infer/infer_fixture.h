#pragma once
// What the tests of infer/ share: a tokenizer of ASCII that fits the tiny models' 256 ids, a folder that goes away, a
// log that says nothing, and the message of an Error.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "data/tokenizer.h"
#include "support/model_fixture.h"

namespace vernier::testing {

// A token a byte, and <s> 128, </s> 129, <|im_start|> 130, <|im_end|> 131, recognised in a text; ids above spell "?".
class AsciiTokenizer : public Tokenizer {
 public:
  static constexpr TokenId kBos = 128, kEos = 129, kImStart = 130, kImEnd = 131;

  explicit AsciiTokenizer(bool add_bos = false) {
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
  // As SentencePiece does, without a space at the very beginning.
  std::string decode(const std::vector<TokenId>& ids, bool skip_special) const override {
    std::string text;
    for (const TokenId id : ids)
      if (id < kBos || id > kImEnd || !skip_special) text += token_text(id);
    return text.starts_with(' ') ? text.substr(1) : text;
  }
  std::int64_t vocab_size() const override { return 132; }
  std::optional<TokenId> find(std::string_view token) const override {
    const std::vector<TokenId> ids = encode(token);
    return ids.size() == 1 ? std::optional(ids.front()) : std::nullopt;
  }
  std::string token_text(TokenId id) const override {
    if (id > kImEnd) return "?";
    return id < kBos ? std::string(1, static_cast<char>(id)) : std::string(kAdded[static_cast<std::size_t>(id - kBos)]);
  }
  const SpecialTokens& special() const override { return special_; }
  const std::string& chat_template() const override { return template_; }
  const std::string& identity() const override { return template_; }

  SpecialTokens special_;
  std::string template_;

 private:
  static constexpr std::array<std::string_view, 4> kAdded = {"<s>", "</s>", "<|im_start|>", "<|im_end|>"};
};

// A fresh folder for one test, removed with all it holds.
class Folder {
 public:
  Folder() {
    path_ = std::filesystem::temp_directory_path() / ("vernier-infer-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline const Log& silent() {
  static const Log log(LogLevel::kOff);
  return log;
}

// A tiny model of tests/golden/arch, without adapters.
struct TinyModel {
  explicit TinyModel(const std::string& arch, std::int64_t positions = 64, bool load_in_4bit = false) : device(cpu()) {
    LoadOptions options;
    options.load_in_4bit = load_in_4bit;
    options.max_row_tokens = positions;
    model = load(golden("arch/" + arch), options, device);
    model.spec.max_positions = positions;
  }

  Device device;
  Decoder model;
  Arena arena;
};

// Makes the model a chain: after a token of the list it writes the one that stands with it, whatever came before. The
// embedding outweighs all that the blocks add. Precondition: at most as many pairs as the model is wide; an own head.
inline void make_chain(Decoder& model, const std::vector<std::pair<TokenId, TokenId>>& next) {
  const at::Tensor &embedding = model.embedding.dense(), &head = model.head.weight.dense();
  embedding.zero_();
  head.zero_();
  model.head.norm.fill_(1);
  for (std::size_t k = 0; k < next.size(); ++k) {
    embedding[next[k].first][static_cast<std::int64_t>(k)].fill_(1000);
    head[next[k].second][static_cast<std::int64_t>(k)].fill_(1);
  }
}

// Runs `body` and gives the Error that it throws; a test fails when it throws none.
template <typename Body>
Error error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(ErrorKind::kInput, "none");
}

}  // namespace vernier::testing

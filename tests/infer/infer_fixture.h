#pragma once
// What the tests of infer/ share: a tokenizer of ASCII that fits the tiny models' 256 ids, a folder that goes away, a
// log that says nothing, and the message of an Error.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "support/byte_tokenizer.h"
#include "support/model_fixture.h"

namespace vernier::testing {

// The 128 ASCII characters. As SentencePiece does, it decodes without a space at the very beginning.
class AsciiTokenizer : public BytesAndSpecials<128> {
 public:
  explicit AsciiTokenizer(bool add_bos = false) : BytesAndSpecials(add_bos) {}

  std::string decode(const std::vector<TokenId>& ids, bool skip_special) const override {
    const std::string text = BytesAndSpecials::decode(ids, skip_special);
    return text.starts_with(' ') ? text.substr(1) : text;
  }
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

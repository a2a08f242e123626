#pragma once
// Tokenizer files for tests: small tokenizer.json documents, GGUF files that hold metadata only, folders that vanish.

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "data/tokenizer_json.h"
#include "io/gguf.h"
#include "io/json.h"

namespace vernier::test {

inline std::string golden_path(const std::string& path) {
  return std::string(VERNIER_SOURCE_DIR "/tests/golden/tokenization/") + path;
}

inline std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline TokenizerFiles files_of(const Json& document) {
  TokenizerFiles files;
  files.tokenizer_json = document.dump();
  return files;
}

inline std::unique_ptr<Tokenizer> tokenizer_of(const Json& document) {
  return tokenizer_from_json(files_of(document));
}

// A byte-level tokenizer of single letters, "ab", "abc" and a special "<s>".
inline Json letters_document() {
  return Json::parse(R"({
    "added_tokens": [{"id": 6, "content": "<s>", "special": true, "normalized": false}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "ab": 4, "abc": 5},
              "merges": ["a b", "ab c"]}})");
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vernier-tokenizer-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string write(const std::string& name, std::string_view bytes) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Key-value pairs of a GGUF file without tensors.
class GgufMetadata {
 public:
  void text(const std::string& key, const std::string& value) {
    head(key, kText);
    put_text(value);
  }
  void number(const std::string& key, std::uint32_t value) {
    head(key, kU32);
    put(value);
  }
  void boolean(const std::string& key, bool value) {
    head(key, kBool);
    put(static_cast<std::uint8_t>(value));
  }
  void texts(const std::string& key, const std::vector<std::string>& values) {
    head_of_list(key, kText, values.size());
    for (const std::string& value : values) put_text(value);
  }
  void integers(const std::string& key, const std::vector<std::int32_t>& values) {
    head_of_list(key, kI32, values.size());
    for (const std::int32_t value : values) put(value);
  }
  void floats(const std::string& key, const std::vector<float>& values) {
    head_of_list(key, kF32, values.size());
    for (const float value : values) put(value);
  }

  std::string bytes() const {
    GgufMetadata file;
    file.body_ = "GGUF";
    file.put(std::uint32_t{3});
    file.put(std::uint64_t{0});
    file.put(count_);
    return file.body_ + body_;
  }

 private:
  enum Kind : std::uint32_t { kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kText = 8, kList = 9 };

  template <typename T>
  void put(T value) {
    body_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void put_text(const std::string& value) {
    put(std::uint64_t{value.size()});
    body_ += value;
  }
  void head(const std::string& key, Kind kind) {
    put_text(key);
    put(static_cast<std::uint32_t>(kind));
    ++count_;
  }
  void head_of_list(const std::string& key, Kind kind, std::size_t size) {
    head(key, kList);
    put(static_cast<std::uint32_t>(kind));
    put(std::uint64_t{size});
  }

  std::string body_;
  std::uint64_t count_ = 0;
};

}  // namespace vernier::test

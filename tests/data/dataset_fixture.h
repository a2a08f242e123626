#pragma once
// What the data set tests share: a tokenizer of bytes, a folder that goes away, and the message of an Error.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

#include "base/error.h"
#include "support/byte_tokenizer.h"

namespace vernier {

// All 256 bytes, with ChatML as its template.
class ByteTokenizer : public BytesAndSpecials<256> {
 public:
  explicit ByteTokenizer(bool add_bos = true) : BytesAndSpecials(add_bos) {
    template_ =
        "{% for message in messages %}"
        "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
  }
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

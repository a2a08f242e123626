#pragma once
// One line of a .jsonl file, key by key in the order given; floats with nine significant digits, so that every f32
// comes back exactly. NaN and the infinities are spelled as Python's json reads them.

#include <cstdint>
#include <string>
#include <string_view>

namespace vernier {

class JsonLine {
 public:
  JsonLine& number(std::string_view key, double value);
  JsonLine& integer(std::string_view key, std::int64_t value);
  // Precondition: UTF-8.
  JsonLine& text(std::string_view key, std::string_view value);

  // The object so far, without a newline.
  std::string str() const { return text_ + "}"; }

 private:
  void key(std::string_view name);

  std::string text_ = "{";
};

}  // namespace vernier

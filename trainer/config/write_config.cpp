#include "config/write_config.h"

#include "base/text.h"
#include "config/keys.h"

namespace vernier {

namespace {

// A file's name is the one part of a comment that comes from outside.
std::string comment_text(const std::string& text) {
  std::string line = text;
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return line;
}

}  // namespace

std::string write_config(const LoadedConfig& loaded) {
  std::string text = "# Every setting of this run and where it came from. An empty value is not set.\n";
  for (const Key& key : keys()) {
    const std::string value = key.write(loaded.config);
    const auto origin = loaded.origins.find(key.name);
    const std::string from = origin == loaded.origins.end() ? "default" : origin->second.text();
    const bool block = starts_with(value, "\n");
    text += key.name + ":";
    if (!block && !value.empty()) text += " " + value;
    text += "  # " + comment_text(from);
    if (block) text += value;
    text += "\n";
  }
  return text;
}

}  // namespace vernier

#include "io/json.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "io/read_file.h"

namespace vernier {
namespace {

constexpr std::size_t kMaxDepth = 256;

[[noreturn]] void fail_at(std::string_view text, const std::string& where, std::size_t offset,
                          const std::string& what) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  throw Error(ErrorKind::kInput, what, str(where, ":", line, ":", before.size() - line_start + 1));
}

void require_utf8(std::string_view text, const std::string& where) {
  if (is_utf8(text)) return;
  std::size_t offset = 0;
  while (offset < text.size()) {
    const auto lead = static_cast<unsigned char>(text[offset]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (!is_utf8(text.substr(offset, length))) break;
    offset += length;
  }
  fail_at(text, where, offset, "bytes that are not UTF-8");
}

// Hands the parser one byte at a time and tells the handler how far it has come: SAX events carry no place.
struct Reader {
  using difference_type = std::ptrdiff_t;
  using value_type = char;
  using pointer = const char*;
  using reference = const char&;
  using iterator_category = std::input_iterator_tag;

  const char* at;
  const char** progress;

  const char& operator*() const { return *at; }
  Reader& operator++() {
    *progress = ++at;
    return *this;
  }
  bool operator==(const Reader& other) const { return at == other.at; }
  bool operator!=(const Reader& other) const { return at != other.at; }
};

class Builder {
 public:
  Builder(std::string_view text, const std::string& where) : text_(text), where_(where), progress_(text.data()) {}

  const char** progress() { return &progress_; }
  Json take() { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    Level& level = stack_.back();
    if (is_duplicate(level, name)) fail_at(text_, where_, key_start(), str("duplicate key \"", name, "\""));
    // Past ordered_json's own insertion, which searches all keys each time: a vocabulary has 100,000.
    level.value->get_ref<Json::object_t&>().emplace_back(std::move(name), Json());
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    std::string what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error ...": we give the place.
    const std::size_t start = what.find(": ");
    if (start != what.npos) what.erase(0, start + 2);
    fail_at(text_, where_, position == 0 ? 0 : position - 1, what);
  }

 private:
  struct Level {
    Json* value;
    std::unordered_set<std::string> names;
  };

  template <typename Value>
  bool add(Value&& value) {
    place(Json(std::forward<Value>(value)));
    return true;
  }

  Json* place(Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *stack_.back().value;
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    Json& slot = parent.get_ref<Json::object_t&>().back().second;
    slot = std::move(value);
    return &slot;
  }

  bool open(Json container) {
    if (stack_.size() == kMaxDepth) fail_at(text_, where_, offset() - 1, str("nested deeper than ", kMaxDepth));
    stack_.push_back({place(std::move(container)), {}});
    return true;
  }

  bool close() {
    stack_.pop_back();
    return true;
  }

  static bool is_duplicate(Level& level, const std::string& name) {
    const auto& object = level.value->get_ref<const Json::object_t&>();
    constexpr std::size_t kFew = 16;
    if (object.size() < kFew)
      return std::any_of(object.begin(), object.end(), [&](const auto& entry) { return entry.first == name; });
    if (object.size() == kFew)
      for (const auto& entry : object) level.names.insert(entry.first);
    return !level.names.insert(name).second;
  }

  std::size_t offset() const { return static_cast<std::size_t>(progress_ - text_.data()); }

  // The opening quote of the key whose closing quote was just read: the nearest one behind that is not escaped.
  std::size_t key_start() const {
    std::size_t quote = offset() - 1;
    while (quote > 0) {
      quote = text_.rfind('"', quote - 1);
      std::size_t slashes = 0;
      while (slashes < quote && text_[quote - slashes - 1] == '\\') ++slashes;
      if (slashes % 2 == 0) break;
    }
    return quote;
  }

  std::string_view text_;
  const std::string& where_;
  const char* progress_;
  Json root_;
  std::vector<Level> stack_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  require_utf8(text, where);
  // The parser would take it for the end of the document, and not look at what follows.
  if (const std::size_t zero = text.find('\0'); zero != text.npos) fail_at(text, where, zero, "a NUL byte");
  Builder builder(text, where);
  const char* const end = text.data() + text.size();
  Json::sax_parse(Reader{text.data(), builder.progress()}, Reader{end, builder.progress()}, &builder);
  return builder.take();
}

Json read_json_file(const std::string& path, std::size_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path);
}

}  // namespace vernier

#include "data/pretokenize.h"

#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace vernier {
namespace {

// Appends each maximal run of characters on one side of a predicate, or single characters where it holds and
// `individual` is set.
class DigitsSplit : public PreTokenizer {
 public:
  DigitsSplit(bool individual, UnicodeClassesPtr classes) : individual_(individual), classes_(std::move(classes)) {}

  void split(Pieces& pieces) const override {
    std::vector<std::string_view> parts;
    for (const std::string_view piece : pieces.list) split_piece(piece, parts);
    pieces.list = std::move(parts);
  }

 private:
  void split_piece(std::string_view piece, std::vector<std::string_view>& parts) const {
    std::size_t start = 0;
    bool run_is_numeric = false;
    for (std::size_t at = 0; at < piece.size();) {
      const CodePoint point = decode_utf8(piece, at);
      const bool numeric = classes_->is(point.value, UnicodeClasses::kNumeric);
      if (at > start && (numeric != run_is_numeric || (numeric && individual_))) {
        parts.push_back(piece.substr(start, at - start));
        start = at;
      }
      run_is_numeric = numeric;
      at += point.bytes;
    }
    if (start < piece.size()) parts.push_back(piece.substr(start));
  }

  bool individual_;
  UnicodeClassesPtr classes_;
};

class PrefixSpace : public PreTokenizer {
 public:
  void split(Pieces& pieces) const override {
    for (std::string_view& piece : pieces.list)
      if (!starts_with(piece, " ")) piece = pieces.owned.emplace_back(str(" ", piece));
  }
};

class StringSplit : public PreTokenizer {
 public:
  explicit StringSplit(std::string separator) : separator_(std::move(separator)) {}

  void split(Pieces& pieces) const override {
    std::vector<std::string_view> parts;
    for (const std::string_view piece : pieces.list) {
      std::size_t start = 0;
      for (std::size_t at = 0; (at = piece.find(separator_, start)) != piece.npos; start = at + separator_.size()) {
        if (at > start) parts.push_back(piece.substr(start, at - start));
        parts.push_back(piece.substr(at, separator_.size()));
      }
      if (start < piece.size()) parts.push_back(piece.substr(start));
    }
    pieces.list = std::move(parts);
  }

 private:
  std::string separator_;
};

class Metaspace : public PreTokenizer {
 public:
  Metaspace(std::string replacement, MetaspacePrefix prefix, bool cut)
      : replacement_(std::move(replacement)), prefix_(prefix), cut_(cut) {}

  void split(Pieces& pieces) const override {
    std::vector<std::string_view> parts;
    for (std::size_t i = 0; i < pieces.list.size(); ++i) {
      const bool first = i == 0 && pieces.at_text_start;
      const std::string_view text = pieces.owned.emplace_back(replaced(
          pieces.list[i], prefix_ == MetaspacePrefix::kAlways || (prefix_ == MetaspacePrefix::kFirst && first)));
      std::size_t start = 0;
      for (std::size_t at = 0; cut_ && (at = text.find(replacement_, at)) != text.npos; at += replacement_.size()) {
        if (at > start) parts.push_back(text.substr(start, at - start));
        start = at;
      }
      parts.push_back(text.substr(start));
    }
    pieces.list = std::move(parts);
  }

 private:
  std::string replaced(std::string_view piece, bool with_prefix) const {
    std::string text;
    if (with_prefix && !starts_with(piece, " ") && !starts_with(piece, replacement_)) text = replacement_;
    for (const char byte : piece) {
      if (byte == ' ')
        text += replacement_;
      else
        text.push_back(byte);
    }
    return text;
  }

  std::string replacement_;
  MetaspacePrefix prefix_;
  bool cut_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_prefix_space() {
  return std::make_unique<PrefixSpace>();
}

std::unique_ptr<PreTokenizer> make_digits_split(bool individual, UnicodeClassesPtr classes) {
  return std::make_unique<DigitsSplit>(individual, std::move(classes));
}

std::unique_ptr<PreTokenizer> make_string_split(std::string separator) {
  check(!separator.empty(), "a separator of length 0");
  return std::make_unique<StringSplit>(std::move(separator));
}

std::unique_ptr<PreTokenizer> make_metaspace(std::string replacement, MetaspacePrefix prefix, bool cut) {
  return std::make_unique<Metaspace>(std::move(replacement), prefix, cut);
}

}  // namespace vernier

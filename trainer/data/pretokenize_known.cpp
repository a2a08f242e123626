// The three regexes of nearly every byte-level tokenizer, as scanners that never go back further than one run:
//   GPT-2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//   Llama 3  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
//            \s*[\r\n]+|\s+(?!\S)|\s+
//   Qwen2    the same with \p{N}

#include <utility>

#include "data/pretokenize.h"

namespace vernier {
namespace {

constexpr unsigned kLetter = UnicodeClasses::kLetter;
constexpr unsigned kNumber = UnicodeClasses::kNumber;
constexpr unsigned kSpace = UnicodeClasses::kSpace;
constexpr unsigned kAnyOfThem = kLetter | kNumber | kSpace;

bool is_line_end(char32_t point) {
  return point == '\r' || point == '\n';
}

// One pass over a piece; every method gives the end of what it matched.
class Scanner {
 public:
  Scanner(std::string_view text, const UnicodeClasses& classes) : text_(text), classes_(classes) {}

  bool done(std::size_t at) const { return at >= text_.size(); }
  CodePoint point(std::size_t at) const { return decode_utf8(text_, at); }
  bool is(std::size_t at, unsigned classes) const { return !done(at) && classes_.is(point(at).value, classes); }
  bool is_other(std::size_t at) const { return !done(at) && !classes_.is(point(at).value, kAnyOfThem); }

  std::size_t run_of(std::size_t at, unsigned classes) const {
    while (is(at, classes)) at += point(at).bytes;
    return at;
  }
  std::size_t run_of_others(std::size_t at) const {
    while (is_other(at)) at += point(at).bytes;
    return at;
  }

  // 's 't 're 've 'm 'll 'd at the apostrophe; 0 when none. U+017F folds to s.
  std::size_t contraction(std::size_t at, bool any_case) const {
    if (done(at) || text_[at] != '\'' || done(at + 1)) return 0;
    const char first = letter(at + 1, any_case);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 1 + point(at + 1).bytes;
    if (done(at + 2)) return 0;
    const char second = letter(at + 2, any_case);
    const bool two =
        (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return two ? at + 3 : 0;
  }

  // \s+(?!\S)|\s+ : a run gives its last character back when something follows it and it has more than one.
  std::size_t spaces(std::size_t at) const {
    std::size_t last = at;
    std::size_t end = at;
    while (is(end, kSpace)) {
      last = end;
      end += point(end).bytes;
    }
    return done(end) || last == at ? end : last;
  }

 private:
  char letter(std::size_t at, bool any_case) const {
    const char32_t value = (static_cast<unsigned char>(text_[at]) & 0xC0) == 0x80 ? 0 : point(at).value;
    if (!any_case) return value < 0x80 ? static_cast<char>(value) : '\0';
    if (value == 0x17F) return 's';
    return value < 0x80 ? static_cast<char>(value >= 'A' && value <= 'Z' ? value + 32 : value) : '\0';
  }

  std::string_view text_;
  const UnicodeClasses& classes_;
};

std::size_t gpt2_word(const Scanner& scan, std::size_t at) {
  if (const std::size_t end = scan.contraction(at, false)) return end;
  const std::size_t body = scan.point(at).value == ' ' ? at + 1 : at;
  if (scan.is(body, kLetter)) return scan.run_of(body, kLetter);
  if (scan.is(body, kNumber)) return scan.run_of(body, kNumber);
  if (scan.is_other(body)) return scan.run_of_others(body);
  return scan.spaces(at);
}

// \s*[\r\n]+ : through the last line end of a run of white space; 0 when it has none.
std::size_t spaces_to_line_end(const Scanner& scan, std::size_t at) {
  std::size_t end = 0;
  while (scan.is(at, kSpace)) {
    const CodePoint point = scan.point(at);
    at += point.bytes;
    if (is_line_end(point.value)) end = at;
  }
  return end;
}

std::size_t llama3_word(const Scanner& scan, std::size_t at, unsigned digits_together) {
  if (const std::size_t end = scan.contraction(at, true)) return end;
  const CodePoint first = scan.point(at);
  if (scan.is(at, kLetter)) return scan.run_of(at, kLetter);
  if (!scan.is(at, kNumber) && !is_line_end(first.value) && scan.is(at + first.bytes, kLetter))
    return scan.run_of(at + first.bytes, kLetter);
  if (scan.is(at, kNumber)) {
    for (unsigned digit = 0; digit < digits_together && scan.is(at, kNumber); ++digit) at += scan.point(at).bytes;
    return at;
  }
  const std::size_t body = first.value == ' ' ? at + 1 : at;
  if (scan.is_other(body)) {
    std::size_t end = scan.run_of_others(body);
    while (!scan.done(end) && is_line_end(scan.point(end).value)) ++end;
    return end;
  }
  if (const std::size_t end = spaces_to_line_end(scan, at)) return end;
  return scan.spaces(at);
}

class KnownRegexSplit : public PreTokenizer {
 public:
  KnownRegexSplit(KnownSplit kind, UnicodeClassesPtr classes) : kind_(kind), classes_(std::move(classes)) {}

  void split(Pieces& pieces) const override {
    std::vector<std::string_view> parts;
    for (const std::string_view piece : pieces.list) {
      const Scanner scan(piece, *classes_);
      for (std::size_t at = 0; at < piece.size();) {
        const std::size_t end = word(scan, at);
        parts.push_back(piece.substr(at, end - at));
        at = end;
      }
    }
    pieces.list = std::move(parts);
  }

 private:
  std::size_t word(const Scanner& scan, std::size_t at) const {
    if (kind_ == KnownSplit::kGpt2) return gpt2_word(scan, at);
    return llama3_word(scan, at, kind_ == KnownSplit::kLlama3 ? 3 : 1);
  }

  KnownSplit kind_;
  UnicodeClassesPtr classes_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_known_split(KnownSplit kind, UnicodeClassesPtr classes) {
  return std::make_unique<KnownRegexSplit>(kind, std::move(classes));
}

}  // namespace vernier

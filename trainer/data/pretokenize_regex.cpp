// Split by a regex that no scanner knows: translated from Oniguruma's Ruby syntax to PCRE2's where the two agree, and
// refused where they do not. \s, \p{L} and \p{N} become explicit ranges, because PCRE2's tables differ.

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <span>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "data/pretokenize.h"
#include "data/unicode_tables.h"

namespace vernier {
namespace {

constexpr std::string_view kGpt2Regex = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::uint32_t kMatchLimit = 10'000'000;

std::string class_body(std::span<const std::uint32_t> ranges) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string body;
  const auto put = [&](std::uint32_t point) {
    body += "\\x{";
    for (int shift = 20; shift >= 0; shift -= 4) body.push_back(kHex[point >> shift & 15]);
    body += '}';
  };
  for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) {
    put(ranges[i]);
    body += '-';
    put(ranges[i + 1]);
  }
  return body;
}

class Translator {
 public:
  Translator(std::string_view regex, const std::string& where) : regex_(regex), where_(where) {}

  std::string run() {
    while (at_ < regex_.size()) {
      const char c = regex_[at_];
      if (c == '\\')
        escape();
      else if (in_class_)
        class_character(c);
      else
        plain_character(c);
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorKind::kInput, str("the regex ", regex_, " has ", what, ", which is not supported"), where_);
  }

  bool next_is(std::string_view text) const { return starts_with(regex_.substr(at_), text); }

  void copy(std::size_t count) {
    out_ += regex_.substr(at_, count);
    at_ += count;
  }

  void class_character(char c) {
    if (c == '[' || next_is("&&")) refuse("a set operation inside brackets");
    if (c == ']') in_class_ = false;
    copy(1);
  }

  void plain_character(char c) {
    if (c == '^' || c == '$') refuse(str("the line anchor ", c));
    if (c == '[') {
      in_class_ = true;
      copy(regex_.substr(at_).size() > 1 && regex_[at_ + 1] == '^' ? 2 : 1);
      if (next_is("]")) refuse("a bracket that begins with ]");
      return;
    }
    if (c == '(') return group();
    if (next_is("{,")) refuse("a repetition without a lower bound");
    if (c == '}' && (next_is("}+") || next_is("}?"))) refuse("a marked {n,m} repetition");
    copy(1);
  }

  void group() {
    if (!next_is("(?")) return copy(1);
    for (const std::string_view opening : {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i)"})
      if (next_is(opening)) return copy(opening.size());
    refuse(str("the group ", regex_.substr(at_, 4)));
  }

  void escape() {
    const char c = at_ + 1 < regex_.size() ? regex_[at_ + 1] : '\0';
    if (c == 's' || c == 'S') return tabled(unicode_tables::space(), c == 'S', 2);
    for (const bool negated : {false, true}) {
      const char letter = negated ? 'P' : 'p';
      if (next_is(str('\\', letter, "{L}"))) return tabled(unicode_tables::letter(), negated, 5);
      if (next_is(str('\\', letter, "{N}"))) return tabled(unicode_tables::number(), negated, 5);
    }
    if (c == 'v') {
      out_ += "\\x0B";
      at_ += 2;
    } else if (next_is("\\x{") || next_is("\\p{") || next_is("\\P{")) {
      const std::size_t close = regex_.find('}', at_);
      if (close == std::string_view::npos) refuse("an open brace");
      copy(close + 1 - at_);
    } else if (c == 'u' && at_ + 6 <= regex_.size()) {
      out_ += str("\\x{", regex_.substr(at_ + 2, 4), "}");
      at_ += 6;
    } else {
      const bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (c == '\0' || (is_word && std::string_view("rntfdD").find(c) == std::string_view::npos))
        refuse(str("the escape \\", c));
      copy(2);
    }
  }

  void tabled(std::span<const std::uint32_t> ranges, bool negated, std::size_t length) {
    if (in_class_ && negated) refuse("a negated class inside brackets");
    const std::string body = class_body(ranges);
    out_ += in_class_ ? body : str(negated ? "[^" : "[", body, "]");
    at_ += length;
  }

  std::string_view regex_;
  const std::string& where_;
  std::string out_;
  std::size_t at_ = 0;
  bool in_class_ = false;
};

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeCompileContext {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};

std::string message_of(int code) {
  PCRE2_UCHAR text[256] = {};
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

class RegexSplit : public PreTokenizer {
 public:
  RegexSplit(const std::string& regex, const std::string& where) : regex_(regex), where_(where) {
    const std::string translated = Translator(regex, where).run();
    const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(pcre2_compile_context_create(nullptr));
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    int code = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), PCRE2_UTF | PCRE2_UCP,
                              &code, &offset, context.get()));
    if (!code_)
      throw Error(ErrorKind::kInput, str("the regex ", regex, " does not compile: ", message_of(code)), where);
    limits_.reset(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(limits_.get(), kMatchLimit);
  }

  void split(Pieces& pieces) const override {
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(
        pcre2_match_data_create_from_pattern(code_.get(), nullptr));
    std::vector<std::string_view> parts;
    for (const std::string_view piece : pieces.list) split_piece(piece, match.get(), parts);
    pieces.list = std::move(parts);
  }

 private:
  void split_piece(std::string_view piece, pcre2_match_data* match, std::vector<std::string_view>& parts) const {
    const auto cut = [&](std::size_t start, std::size_t end) {
      if (end > start) parts.push_back(piece.substr(start, end - start));
    };
    std::size_t previous = 0;
    for (std::size_t at = 0; at <= piece.size();) {
      const int found = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(), at,
                                    PCRE2_NO_UTF_CHECK, match, limits_.get());
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0)
        throw Error(ErrorKind::kInput, str("the regex ", regex_, " gave up on a text: ", message_of(found)), where_);
      const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(match);
      cut(previous, ends[0]);
      cut(ends[0], ends[1]);
      previous = ends[1];
      at = ends[1];
      if (ends[0] == ends[1]) at += at < piece.size() ? decode_utf8(piece, at).bytes : 1;
    }
    cut(previous, piece.size());
  }

  std::string regex_;
  std::string where_;
  std::unique_ptr<pcre2_code, FreeCode> code_;
  std::unique_ptr<pcre2_match_context, FreeMatchContext> limits_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_regex_split(const std::string& regex, UnicodeClassesPtr classes,
                                               const std::string& where) {
  if (regex == kGpt2Regex) return make_known_split(KnownSplit::kGpt2, std::move(classes));
  if (regex == kQwen2Regex) return make_known_split(KnownSplit::kQwen2, std::move(classes));
  if (regex == kLlama3Regex) return make_known_split(KnownSplit::kLlama3, std::move(classes));
  return std::make_unique<RegexSplit>(regex, where);
}

}  // namespace vernier

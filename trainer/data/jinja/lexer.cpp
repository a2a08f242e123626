#include "data/jinja/lexer.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "data/jinja/format.h"
#include "data/jinja/unicode.h"

namespace vernier::jinja {
namespace {

// \r\n and \r become \n, and one newline at the end is dropped.
std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out.push_back('\n');
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out.push_back(source[i]);
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_digit_byte(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      const std::size_t tag = find_tag();
      if (tag == std::string::npos) {
        push(TokenKind::kData, source_.substr(at_));
        at_ = source_.size();
        break;
      }
      data_until(tag);
      const char kind = source_[tag + 1];
      if (kind == '#') {
        comment();
      } else if (kind == '%' && raw_begins()) {
        raw();
      } else {
        at_ += 2 + (control_at(at_ + 2) != 0 ? 1 : 0);
        push(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
        inside(kind == '{');
      }
    }
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void refuse(const std::string& message) const { throw SyntaxError{message, line_}; }

  void push(TokenKind kind, std::string text) {
    if (kind == TokenKind::kData && text.empty()) return;
    Token token;
    token.kind = kind;
    token.line = line_;
    token.text = std::move(text);
    tokens_.push_back(std::move(token));
  }

  // Moves to `end`, counting lines.
  void advance(std::size_t end) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    at_ = end;
  }

  std::size_t find_tag() const {
    for (std::size_t at = source_.find('{', at_); at != std::string::npos; at = source_.find('{', at + 1)) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return std::string::npos;
  }

  char control_at(std::size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  std::size_t skip_space(std::size_t at) const {
    while (at < source_.size()) {
      std::size_t next = at;
      if (!is_space(next_code_point(source_, next))) break;
      at = next;
    }
    return at;
  }

  // The text before a tag, cut as the tag's sign (or lstrip_blocks, for blocks and comments) asks.
  void data_until(std::size_t tag, std::size_t sign_at = std::string::npos) {
    const char sign = control_at(sign_at == std::string::npos ? tag + 2 : sign_at);
    std::string_view text = std::string_view(source_).substr(at_, tag - at_);
    if (sign == '-') {
      text = strip(text, nullptr, false, true);
    } else if (sign != '+' && source_[tag + 1] != '{') {
      const std::size_t newline = text.rfind('\n');
      const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
      const std::string_view tail = text.substr(start);
      const bool from_line_start = newline != std::string_view::npos || line_starting_;
      if (from_line_start && strip(tail, nullptr, true, true).empty()) text = text.substr(0, start);
    }
    push(TokenKind::kData, std::string(text));
    advance(tag);
  }

  // Behind "-%}" all white space goes; behind "%}" (not "+%}" or "}}") one newline.
  void close_tag(std::size_t behind, char sign, bool trim_newline) {
    std::size_t end = behind;
    if (sign == '-') {
      end = skip_space(behind);
    } else if (sign != '+' && trim_newline && behind < source_.size() && source_[behind] == '\n') {
      end = behind + 1;
    }
    line_starting_ = source_[end - 1] == '\n';
    advance(end);
  }

  void comment() {
    const std::size_t end = source_.find("#}", at_ + 2);
    if (end == std::string::npos) refuse("missing end of comment tag");
    // The sign of "{#-#}" opens.
    const std::size_t body = at_ + 2 + (control_at(at_ + 2) != 0 ? 1 : 0);
    close_tag(end + 2, end > body ? control_at(end - 1) : '\0', true);
  }

  // Whether a block tag at at_ is {% raw %}; tag_end_ is then behind it.
  bool raw_begins() {
    std::size_t at = skip_space(at_ + 2 + (control_at(at_ + 2) != 0 ? 1 : 0));
    if (source_.compare(at, 3, "raw") != 0) return false;
    at = skip_space(at + 3);
    const bool strips = at < source_.size() && source_[at] == '-';
    if (source_.compare(at + (strips ? 1 : 0), 2, "%}") != 0) return false;
    tag_end_ = strips ? skip_space(at + 3) : at + 2;
    return true;
  }

  void raw() {
    advance(tag_end_);
    line_starting_ = source_[at_ - 1] == '\n';
    for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos; tag = source_.find("{%", tag + 1)) {
      std::size_t at = skip_space(tag + 2 + (control_at(tag + 2) != 0 ? 1 : 0));
      if (source_.compare(at, 6, "endraw") != 0) continue;
      at = skip_space(at + 6);
      const char sign = control_at(at);
      if (source_.compare(at + (sign != 0 ? 1 : 0), 2, "%}") != 0) continue;
      data_until(tag);
      close_tag(at + (sign != 0 ? 3 : 2), sign, true);
      return;
    }
    refuse("missing end of raw directive");
  }

  // The expression tokens up to the end of the tag.
  void inside(bool variable) {
    std::string open;
    const std::string_view close = variable ? "}}" : "%}";
    for (;;) {
      advance(skip_space(at_));
      if (at_ >= source_.size()) {
        line_starting_ = false;
        return;
      }
      const char sign = control_at(at_);
      const bool signed_end = sign != 0 && !(variable && sign == '+') && source_.compare(at_ + 1, 2, close) == 0;
      if (open.empty() && (signed_end || source_.compare(at_, 2, close) == 0)) {
        push(variable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd, "");
        close_tag(at_ + (signed_end ? 3 : 2), signed_end ? sign : '\0', !variable);
        return;
      }
      expression_token(open);
    }
  }

  void expression_token(std::string& open) {
    const char c = source_[at_];
    if (is_digit_byte(c)) return number();
    // As upstream's ".5": a fraction without a whole part is not a number.
    if (c == '"' || c == '\'') return text(c);
    std::size_t end = at_;
    while (end < source_.size()) {
      std::size_t next = end;
      const char32_t letter = next_code_point(source_, next);
      if (!is_word(letter) && !(letter >= 0x80 && is_identifier("a" + source_.substr(end, next - end)))) break;
      end = next;
    }
    if (end > at_) {
      const std::string name = source_.substr(at_, end - at_);
      if (!is_identifier(name)) refuse("invalid character in identifier");
      push(TokenKind::kName, name);
      at_ = end;
      return;
    }
    operation(open);
  }

  void operation(std::string& open) {
    static constexpr std::array<std::string_view, 26> kOperators = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                                    "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                                    ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](std::string_view op) { return source_.compare(at_, op.size(), op) == 0; });
    if (found == kOperators.end()) {
      std::size_t end = at_;
      next_code_point(source_, end);
      refuse("unexpected character '" + source_.substr(at_, end - at_) + "'");
    }
    const char c = (*found)[0];
    if (c == '(' || c == '[' || c == '{') open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty()) refuse(str("unexpected '", c, "'"));
      if (open.back() != c) refuse(str("unexpected '", c, "', expected '", open.back(), "'"));
      open.pop_back();
    }
    push(TokenKind::kOperator, std::string(*found));
    at_ += found->size();
  }

  // End of (\d+_)*\d+ from `at`, or `at`.
  std::size_t digits_end(std::size_t at) const {
    std::size_t end = at;
    while (end < source_.size() &&
           (is_digit_byte(source_[end]) ||
            (source_[end] == '_' && end > at && end + 1 < source_.size() && is_digit_byte(source_[end + 1]))))
      ++end;
    return end;
  }

  void number() {
    std::size_t end = digits_end(at_);
    bool fraction = false;
    // "1.5" after a dot is two subscripts, as in x.1.5.
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    if (!after_dot && end + 1 < source_.size() && source_[end] == '.' && is_digit_byte(source_[end + 1])) {
      end = digits_end(end + 1);
      fraction = true;
    }
    if (!after_dot && end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const std::size_t exponent = end + 1 + (control_at(end + 1) != 0 ? 1 : 0);
      if (exponent < source_.size() && is_digit_byte(source_[exponent])) {
        end = digits_end(exponent);
        fraction = true;
      }
    }
    int base = 10;
    if (!fraction) end = integer_end(end, base);
    std::string digits = source_.substr(at_, end - at_);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    push(TokenKind::kNumber, digits);
    try {
      if (fraction) {
        tokens_.back().number = Value(parse_float(digits).value_or(0.0));
      } else {
        tokens_.back().number = Value(parse_int(digits, base == 10 ? 10 : 0).value_or(0));
      }
    } catch (const Failure& failure) {
      refuse(failure.message);
    }
    at_ = end;
  }

  // Integers are 0x.., 0o.., 0b.., or decimal without leading zeros (a zero ends the number).
  std::size_t integer_end(std::size_t decimal_end, int& base) const {
    if (source_[at_] != '0') return decimal_end;
    const char letter = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : '\0';
    const std::string_view digits = letter == 'x'   ? "0123456789abcdefABCDEF"
                                    : letter == 'o' ? "01234567"
                                    : letter == 'b' ? "01"
                                                    : "";
    std::size_t end = at_ + 2;
    const auto fits = [&](std::size_t at) {
      return at < source_.size() && digits.find(source_[at]) != std::string_view::npos;
    };
    while (!digits.empty() && (fits(end) || (end < source_.size() && source_[end] == '_' && fits(end + 1)))) ++end;
    if (end > at_ + 2 && !digits.empty()) {
      base = letter == 'x' ? 16 : letter == 'o' ? 8 : 2;
      return end;
    }
    end = at_;
    while (end < source_.size() && (source_[end] == '0' || (source_[end] == '_' && end > at_))) ++end;
    return end;
  }

  void text(char quote) {
    std::string value;
    std::size_t at = at_ + 1;
    for (;;) {
      if (at >= source_.size()) refuse(str("unexpected character '", quote, "'"));
      const char c = source_[at++];
      if (c == quote) break;
      if (c != '\\') {
        value.push_back(c);
        continue;
      }
      if (at >= source_.size()) refuse(str("unexpected character '", quote, "'"));
      at = escape(at, value);
    }
    push(TokenKind::kString, value);
    advance(at);
  }

  // The escape whose letter is source_[at]; gives the place behind it.
  std::size_t escape(std::size_t at, std::string& value) const {
    static constexpr std::string_view kLetters = "\\'\"abfnrtv";
    static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    const char c = source_[at++];
    if (c == '\n') return at;
    const std::size_t simple = kLetters.find(c);
    if (simple != std::string_view::npos) {
      value.push_back(kMeanings[simple]);
      return at;
    }
    if (c >= '0' && c <= '7') {
      char32_t code = static_cast<char32_t>(c - '0');
      for (int i = 0; i < 2 && at < source_.size() && source_[at] >= '0' && source_[at] <= '7'; ++i)
        code = code * 8 + static_cast<char32_t>(source_[at++] - '0');
      append_utf8(value, code);
      return at;
    }
    if (c == 'N') return named(at, value);
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      value += {'\\', c};
      return at;
    }
    const std::string code = source_.substr(at, digits);
    if (code.size() < digits || code.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      refuse("truncated escape in a string");
    const auto character = static_cast<char32_t>(std::stoul(code, nullptr, 16));
    if (character > 0x10FFFF || (character >= 0xD800 && character < 0xE000))
      refuse("an escape that is not a character");
    append_utf8(value, character);
    return at + digits;
  }

  std::size_t named(std::size_t at, std::string& value) const {
    const std::size_t end = source_.find('}', at);
    const std::int32_t c = at < source_.size() && source_[at] == '{' && end != std::string::npos
                               ? character_by_name(to_upper(source_.substr(at + 1, end - at - 1)))
                               : -1;
    if (c < 0) refuse("unknown Unicode character name");
    append_utf8(value, static_cast<char32_t>(c));
    return end + 1;
  }

  std::string source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t tag_end_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace vernier::jinja

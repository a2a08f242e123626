#pragma once
// Template source to tokens, with the whitespace control of jinja2 under trim_blocks and lstrip_blocks.

#include <string>
#include <string_view>
#include <vector>

#include "data/jinja/value.h"

namespace vernier::jinja {

enum class TokenKind {
  kData,           // text to be printed as it is
  kVariableBegin,  // {{
  kVariableEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kString,
  kNumber,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // data, name, operator, or the string's value
  Value number;
  int line = 1;
};

// A template that cannot be read.
struct SyntaxError {
  std::string message;
  int line;
};

// All tokens, kEnd last. Throws SyntaxError. Precondition: source is UTF-8.
std::vector<Token> tokenize(std::string_view source);

}  // namespace vernier::jinja

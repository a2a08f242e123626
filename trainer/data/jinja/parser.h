#pragma once
// Tokens to the tree, by the grammar and precedences of jinja2.

#include <string_view>

#include "data/jinja/ast.h"
#include "data/jinja/lexer.h"

namespace vernier::jinja {

struct Parsed {
  Body body;
  bool has_generation = false;  // there is a {% generation %} block
};

// Throws SyntaxError. Precondition: source is UTF-8.
Parsed parse(std::string_view source);

}  // namespace vernier::jinja

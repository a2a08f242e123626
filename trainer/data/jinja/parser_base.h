#pragma once
// The token cursor and the expression half of the parser; parser.cpp adds the statements.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "data/jinja/ast.h"
#include "data/jinja/lexer.h"

namespace vernier::jinja {

class ExpressionParser {
 protected:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& next_token() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take();
  bool is_name(std::string_view name) const;
  bool is_operator(std::string_view op) const;
  bool skip_name(std::string_view name);
  bool skip_operator(std::string_view op);
  void expect_operator(std::string_view op);
  std::string expect_name();
  [[noreturn]] void refuse(const std::string& message) const;
  static std::string describe(const Token& token);

  // With or without the inline if.
  ExprPtr expression(bool conditional = true);
  // One expression or, where commas follow, a tuple; `stop` is a name that ends it.
  ExprPtr tuple(bool conditional, std::string_view stop = {}, bool parenthesized = false);
  ExprPtr filters(ExprPtr value, bool start_inline = false);
  ExprPtr make(ExprKind kind, int line, std::vector<ExprPtr> items = {}) const;

  // Filters and tests that do not exist: an error of the template, but one of the rendering (if it gets there) inside
  // an if block (soft_ > 0) or an inline if.
  std::vector<SyntaxError> unknown_;
  int soft_ = 0;
  // Names read so far in the macros that are open.
  struct Reads {
    bool varargs = false, kwargs = false, caller = false;
  };
  std::vector<Reads> open_macros_;
  int nesting_ = 0;

 private:
  ExprPtr condition();
  ExprPtr disjunction();
  ExprPtr conjunction();
  ExprPtr negation();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concatenation();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filters = true);
  ExprPtr primary();
  ExprPtr name(const Token& token);
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr value);
  ExprPtr subscript(ExprPtr value);
  ExprPtr subscript_part(ExprPtr value, bool& is_slice);
  ExprPtr call(ExprPtr function);
  ExprPtr test(ExprPtr value);
  std::unique_ptr<CallArgs> call_args();
  std::string dotted_name();

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

// Fails (SyntaxError) beyond the nesting that the recursion can bear.
class Nested {
 public:
  Nested(int& nesting, int line);
  ~Nested() { --nesting_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  int& nesting_;
};

}  // namespace vernier::jinja

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "data/jinja/library.h"
#include "data/jinja/parser_base.h"

namespace vernier::jinja {
namespace {

constexpr int kMaxNesting = 100;
constexpr int kMaxExpressionDepth = 200;

std::vector<ExprPtr> list_of(ExprPtr a, ExprPtr b = nullptr, ExprPtr c = nullptr, ExprPtr d = nullptr,
                             std::size_t count = 1) {
  std::array<ExprPtr, 4> all = {std::move(a), std::move(b), std::move(c), std::move(d)};
  std::vector<ExprPtr> items;
  for (std::size_t i = 0; i < count; ++i) items.push_back(std::move(all[i]));
  return items;
}
std::vector<ExprPtr> pair_of(ExprPtr a, ExprPtr b) {
  return list_of(std::move(a), std::move(b), nullptr, nullptr, 2);
}

}  // namespace

Nested::Nested(int& nesting, int line) : nesting_(nesting) {
  if (nesting_ >= kMaxNesting) throw SyntaxError{str("nested deeper than ", kMaxNesting), line};
  ++nesting_;
}

Token ExpressionParser::take() {
  Token token = current();
  if (token.kind != TokenKind::kEnd) ++at_;
  return token;
}

bool ExpressionParser::is_name(std::string_view name) const {
  return current().kind == TokenKind::kName && current().text == name;
}

bool ExpressionParser::is_operator(std::string_view op) const {
  return current().kind == TokenKind::kOperator && current().text == op;
}

bool ExpressionParser::skip_name(std::string_view name) {
  return is_name(name) && (++at_, true);
}
bool ExpressionParser::skip_operator(std::string_view op) {
  return is_operator(op) && (++at_, true);
}

void ExpressionParser::expect_operator(std::string_view op) {
  if (!skip_operator(op)) refuse(str("expected '", op, "', got ", describe(current())));
}

std::string ExpressionParser::expect_name() {
  if (current().kind != TokenKind::kName) refuse("expected a name, got " + describe(current()));
  return take().text;
}

void ExpressionParser::refuse(const std::string& message) const {
  throw SyntaxError{message, current().line};
}

std::string ExpressionParser::describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "text";
    case TokenKind::kVariableBegin:
      return "'{{'";
    case TokenKind::kVariableEnd:
      return "'}}'";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return "'" + token.text + "'";
  }
}

ExprPtr ExpressionParser::make(ExprKind kind, int line, std::vector<ExprPtr> items) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = line;
  for (const ExprPtr& item : items) expr->depth = std::max(expr->depth, item ? item->depth + 1 : 1);
  if (expr->depth > kMaxExpressionDepth)
    throw SyntaxError{str("an expression deeper than ", kMaxExpressionDepth), line};
  expr->items = std::move(items);
  return expr;
}

ExprPtr ExpressionParser::expression(bool conditional) {
  const Nested nested(nesting_, current().line);
  return conditional ? condition() : disjunction();
}

ExprPtr ExpressionParser::condition() {
  int line = current().line;
  const auto unknown = static_cast<std::ptrdiff_t>(unknown_.size());
  ExprPtr value = disjunction();
  while (skip_name("if")) {
    ExprPtr test = disjunction();
    ExprPtr otherwise = skip_name("else") ? expression() : nullptr;
    unknown_.erase(unknown_.begin() + unknown, unknown_.end());
    value = make(ExprKind::kConditional, line,
                 list_of(std::move(test), std::move(value), std::move(otherwise), nullptr, 3));
    line = current().line;
  }
  return value;
}

ExprPtr ExpressionParser::disjunction() {
  ExprPtr left = conjunction();
  for (int line = current().line; skip_name("or"); line = current().line)
    left = make(ExprKind::kOr, line, pair_of(std::move(left), conjunction()));
  return left;
}

ExprPtr ExpressionParser::conjunction() {
  ExprPtr left = negation();
  for (int line = current().line; skip_name("and"); line = current().line)
    left = make(ExprKind::kAnd, line, pair_of(std::move(left), negation()));
  return left;
}

ExprPtr ExpressionParser::negation() {
  const int line = current().line;
  if (!skip_name("not")) return comparison();
  const Nested nested(nesting_, line);
  return make(ExprKind::kNot, line, list_of(negation()));
}

ExprPtr ExpressionParser::comparison() {
  static const std::map<std::string_view, Operator> kOperators = {{"==", Operator::kEq}, {"!=", Operator::kNe},
                                                                  {"<", Operator::kLt},  {"<=", Operator::kLe},
                                                                  {">", Operator::kGt},  {">=", Operator::kGe}};
  const int line = current().line;
  std::vector<ExprPtr> items = list_of(sum());
  std::vector<Operator> ops;
  for (;;) {
    const auto found = current().kind == TokenKind::kOperator ? kOperators.find(current().text) : kOperators.end();
    if (found != kOperators.end()) {
      take();
      ops.push_back(found->second);
    } else if (skip_name("in")) {
      ops.push_back(Operator::kIn);
    } else if (is_name("not") && next_token().kind == TokenKind::kName && next_token().text == "in") {
      take();
      take();
      ops.push_back(Operator::kNotIn);
    } else {
      break;
    }
    items.push_back(sum());
  }
  if (ops.empty()) return std::move(items[0]);
  ExprPtr result = make(ExprKind::kCompare, line, std::move(items));
  result->ops = std::move(ops);
  return result;
}

ExprPtr ExpressionParser::sum() {
  ExprPtr left = concatenation();
  while (is_operator("+") || is_operator("-")) {
    const Token op = take();
    left = make(ExprKind::kArithmetic, op.line, pair_of(std::move(left), concatenation()));
    left->ops = {op.text == "+" ? Operator::kAdd : Operator::kSub};
  }
  return left;
}

ExprPtr ExpressionParser::concatenation() {
  const int line = current().line;
  std::vector<ExprPtr> items = list_of(product());
  while (skip_operator("~")) items.push_back(product());
  return items.size() == 1 ? std::move(items[0]) : make(ExprKind::kConcat, line, std::move(items));
}

ExprPtr ExpressionParser::product() {
  static const std::map<std::string_view, Operator> kOperators = {
      {"*", Operator::kMul}, {"/", Operator::kDiv}, {"//", Operator::kFloorDiv}, {"%", Operator::kMod}};
  ExprPtr left = power();
  while (current().kind == TokenKind::kOperator && kOperators.count(current().text) != 0) {
    const Token op = take();
    left = make(ExprKind::kArithmetic, op.line, pair_of(std::move(left), power()));
    left->ops = {kOperators.at(op.text)};
  }
  return left;
}

ExprPtr ExpressionParser::power() {
  ExprPtr left = unary();
  while (is_operator("**")) {
    const int line = take().line;
    left = make(ExprKind::kArithmetic, line, pair_of(std::move(left), unary()));
    left->ops = {Operator::kPow};
  }
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filters) {
  const Nested nested(nesting_, current().line);
  ExprPtr value;
  if (is_operator("-") || is_operator("+")) {
    const Token op = take();
    value = make(op.text == "-" ? ExprKind::kNegative : ExprKind::kPositive, op.line, list_of(unary(false)));
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  if (!with_filters) return value;
  for (;;) {
    if (is_operator("|")) {
      value = filters(std::move(value));
    } else if (is_name("is")) {
      value = test(std::move(value));
    } else if (is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExprPtr ExpressionParser::primary() {
  const Token& token = current();
  ExprPtr value = make(ExprKind::kConst, token.line);
  switch (token.kind) {
    case TokenKind::kName:
      return name(take());
    case TokenKind::kString: {
      std::string text;
      while (current().kind == TokenKind::kString) text += take().text;
      value->value = Value(std::move(text));
      return value;
    }
    case TokenKind::kNumber:
      value->value = take().number;
      return value;
    default:
      break;
  }
  if (skip_operator("(")) {
    value = tuple(true, {}, true);
    expect_operator(")");
    return value;
  }
  if (is_operator("[")) return list();
  if (is_operator("{")) return dict();
  refuse("unexpected " + describe(token));
}

ExprPtr ExpressionParser::name(const Token& token) {
  const std::string& text = token.text;
  ExprPtr value = make(ExprKind::kConst, token.line);
  if (text == "true" || text == "True" || text == "false" || text == "False") {
    value->value = Value(text == "true" || text == "True");
  } else if (text != "none" && text != "None") {
    value->kind = ExprKind::kName;
    value->name = text;
    for (Reads& reads : open_macros_) {
      reads.varargs = reads.varargs || text == "varargs";
      reads.kwargs = reads.kwargs || text == "kwargs";
      reads.caller = reads.caller || text == "caller";
    }
  }
  return value;
}

ExprPtr ExpressionParser::list() {
  const int line = take().line;
  std::vector<ExprPtr> items;
  while (!is_operator("]")) {
    if (!items.empty()) expect_operator(",");
    if (is_operator("]")) break;
    items.push_back(expression());
  }
  take();
  return make(ExprKind::kList, line, std::move(items));
}

ExprPtr ExpressionParser::dict() {
  const int line = take().line;
  std::vector<ExprPtr> items;
  while (!is_operator("}")) {
    if (!items.empty()) expect_operator(",");
    if (is_operator("}")) break;
    items.push_back(expression());
    expect_operator(":");
    items.push_back(expression());
  }
  take();
  return make(ExprKind::kDict, line, std::move(items));
}

ExprPtr ExpressionParser::tuple(bool conditional, std::string_view stop, bool parenthesized) {
  const int line = current().line;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  const auto ends = [&] {
    return current().kind == TokenKind::kVariableEnd || current().kind == TokenKind::kBlockEnd || is_operator(")") ||
           (!stop.empty() && is_name(stop));
  };
  while (!ends()) {
    items.push_back(expression(conditional));
    if (!is_operator(",")) break;
    take();
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !parenthesized) refuse("expected an expression, got " + describe(current()));
  return make(ExprKind::kTuple, line, std::move(items));
}

ExprPtr ExpressionParser::postfix(ExprPtr value) {
  for (;;) {
    if (is_operator(".") || is_operator("[")) {
      value = subscript(std::move(value));
    } else if (is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExprPtr ExpressionParser::subscript(ExprPtr value) {
  const Token open = take();
  if (open.text == ".") {
    const Token part = take();
    if (part.kind == TokenKind::kName) {
      ExprPtr result = make(ExprKind::kAttribute, open.line, list_of(std::move(value)));
      result->name = part.text;
      return result;
    }
    if (part.kind != TokenKind::kNumber || !part.number.is_int()) refuse("expected a name or number behind '.'");
    ExprPtr index = make(ExprKind::kConst, open.line);
    index->value = part.number;
    return make(ExprKind::kItem, open.line, pair_of(std::move(value), std::move(index)));
  }
  std::vector<ExprPtr> parts;
  bool is_slice = false;
  while (!is_operator("]")) {
    if (!parts.empty()) expect_operator(",");
    if (is_slice) refuse("a slice inside a tuple is not supported");
    parts.push_back(subscript_part(parts.empty() ? std::move(value) : nullptr, is_slice));
  }
  take();
  if (is_slice && parts.size() == 1) return std::move(parts[0]);
  if (is_slice) refuse("a slice inside a tuple is not supported");
  if (parts.empty())  // x[] looks the empty tuple up
    return make(ExprKind::kItem, open.line, pair_of(std::move(value), make(ExprKind::kTuple, open.line)));
  if (parts.size() == 1) return std::move(parts[0]);
  // x[1, 2]: the first part was already read as x[1].
  ExprPtr result = std::move(parts[0]);
  parts[0] = std::move(result->items[1]);
  result->items[1] = make(ExprKind::kTuple, open.line, std::move(parts));
  return result;
}

// One part of [..]: value[part], or value[start:stop:step]; behind the first (value is null) only the part.
ExprPtr ExpressionParser::subscript_part(ExprPtr value, bool& is_slice) {
  const int line = current().line;
  ExprPtr start = is_operator(":") ? nullptr : expression();
  if (!skip_operator(":")) {
    if (!value) return start;
    return make(ExprKind::kItem, line, pair_of(std::move(value), std::move(start)));
  }
  is_slice = true;
  const auto absent = [&] { return is_operator(":") || is_operator("]") || is_operator(","); };
  ExprPtr stop = absent() ? nullptr : expression();
  ExprPtr step = skip_operator(":") && !absent() ? expression() : nullptr;
  return make(ExprKind::kSlice, line, list_of(std::move(value), std::move(start), std::move(stop), std::move(step), 4));
}

ExprPtr ExpressionParser::call(ExprPtr function) {
  const int line = current().line;
  std::unique_ptr<CallArgs> args = call_args();
  ExprPtr result = make(ExprKind::kCall, line, list_of(std::move(function)));
  result->args = std::move(args);
  return result;
}

std::unique_ptr<CallArgs> ExpressionParser::call_args() {
  expect_operator("(");
  auto args = std::make_unique<CallArgs>();
  const auto ensure = [&](bool fits) {
    if (!fits) refuse("invalid syntax for the arguments of a call");
  };
  for (bool first = true; !is_operator(")"); first = false) {
    if (!first) expect_operator(",");
    if (!first && is_operator(")")) break;
    const bool named =
        current().kind == TokenKind::kName && next_token().kind == TokenKind::kOperator && next_token().text == "=";
    if (skip_operator("*")) {
      ensure(!args->star && !args->double_star);
      args->star = expression();
    } else if (skip_operator("**")) {
      ensure(!args->double_star);
      args->double_star = expression();
    } else if (named) {
      ensure(!args->double_star);
      std::string key = take().text;
      take();
      args->named.emplace_back(std::move(key), expression());
    } else {
      ensure(!args->star && !args->double_star && args->named.empty());
      args->positional.push_back(expression());
    }
  }
  take();
  return args;
}

std::string ExpressionParser::dotted_name() {
  std::string name = expect_name();
  while (skip_operator(".")) name += "." + expect_name();
  return name;
}

ExprPtr ExpressionParser::filters(ExprPtr value, bool start_inline) {
  while (start_inline || is_operator("|")) {
    if (!start_inline) take();
    start_inline = false;
    const int line = current().line;
    const std::string name = dotted_name();
    if (soft_ == 0 && find_filter(name) == nullptr) unknown_.push_back({"no filter named '" + name + "'", line});
    ExprPtr filter = make(ExprKind::kFilter, line, list_of(std::move(value)));
    filter->name = name;
    filter->args = is_operator("(") ? call_args() : std::make_unique<CallArgs>();
    value = std::move(filter);
  }
  return value;
}

ExprPtr ExpressionParser::test(ExprPtr value) {
  const int line = take().line;
  const bool negated = skip_name("not");
  const std::string name = dotted_name();
  if (soft_ == 0 && find_test(name) == nullptr) unknown_.push_back({"no test named '" + name + "'", line});
  ExprPtr result = make(ExprKind::kTest, line, list_of(std::move(value)));
  result->name = name;
  result->args = std::make_unique<CallArgs>();
  const TokenKind kind = current().kind;
  if (is_operator("(")) {
    result->args = call_args();
  } else if (kind == TokenKind::kString || kind == TokenKind::kNumber || is_operator("[") || is_operator("{") ||
             (kind == TokenKind::kName && !is_name("else") && !is_name("or") && !is_name("and"))) {
    if (is_name("is")) refuse("tests with 'is' cannot be chained");
    result->args->positional.push_back(postfix(primary()));
  }
  return negated ? make(ExprKind::kNot, line, list_of(std::move(result))) : std::move(result);
}

}  // namespace vernier::jinja

// Expressions.
#include "base/text.h"
#include "data/jinja/format.h"
#include "data/jinja/interpreter.h"
#include "data/jinja/library.h"

namespace vernier::jinja {

std::string Interpreter::construct() const {
  if (expr_ == nullptr && stmt_ != nullptr && stmt_->kind == StmtKind::kFor) return "a for block";
  if (expr_ == nullptr && stmt_ != nullptr && stmt_->kind == StmtKind::kSet) return "a set statement";
  if (expr_ == nullptr) return "a statement";
  const std::string& name = expr_->name;
  switch (expr_->kind) {
    case ExprKind::kFilter:
      return "the filter '" + name + "'";
    case ExprKind::kTest:
      return "the test '" + name + "'";
    case ExprKind::kAttribute:
      return "the attribute '." + name + "'";
    case ExprKind::kName:
      return "the name '" + name + "'";
    case ExprKind::kCall: {
      const std::string& callee = expr_->items[0]->name;
      return callee.empty() ? "a call" : "the call of '" + callee + "'";
    }
    case ExprKind::kItem:
    case ExprKind::kSlice:
      return "a subscript";
    case ExprKind::kArithmetic:
    case ExprKind::kCompare:
      return str("the operator '", operator_text(expr_->ops[0]), "'");
    case ExprKind::kConcat:
      return "the operator '~'";
    default:
      return "an expression";
  }
}

Value Interpreter::evaluate(const Expr& expr, const ScopePtr& scope) {
  runtime_.charge(1);
  switch (expr.kind) {
    case ExprKind::kConst:
      return expr.value;
    case ExprKind::kName:
      return evaluate_name(expr, scope);
    default:
      break;
  }
  const Runtime::Deeper deeper(runtime_);
  switch (expr.kind) {
    case ExprKind::kList:
    case ExprKind::kTuple:
    case ExprKind::kDict:
      return evaluate_container(expr, scope);
    case ExprKind::kAttribute: {
      const Value value = evaluate(*expr.items[0], scope);
      at(expr);
      return get_attribute(runtime_, value, expr.name);
    }
    case ExprKind::kItem: {
      const Value value = evaluate(*expr.items[0], scope);
      const Value key = evaluate(*expr.items[1], scope);
      at(expr);
      return get_item(runtime_, value, key);
    }
    case ExprKind::kSlice:
      return evaluate_slice(expr, scope);
    case ExprKind::kCall:
      return evaluate_call(expr, scope, nullptr);
    case ExprKind::kFilter:
    case ExprKind::kTest:
      return evaluate_builtin(expr, scope, nullptr);
    case ExprKind::kAnd:
    case ExprKind::kOr: {
      Value left = evaluate(*expr.items[0], scope);
      return left.truth() == (expr.kind == ExprKind::kOr) ? left : evaluate(*expr.items[1], scope);
    }
    case ExprKind::kNot:
      return !evaluate(*expr.items[0], scope).truth();
    case ExprKind::kConditional:
      return evaluate_conditional(expr, scope);
    case ExprKind::kCompare:
      return evaluate_comparison(expr, scope);
    case ExprKind::kConcat:
      return evaluate_concat(expr, scope);
    default:
      return evaluate_operator(expr, scope);
  }
}

Value Interpreter::evaluate_name(const Expr& expr, const ScopePtr& scope) {
  const Value* found = scope->find(expr.name);
  return found != nullptr ? *found : Value::undefined("'" + expr.name + "' is undefined");
}

Value Interpreter::evaluate_container(const Expr& expr, const ScopePtr& scope) {
  std::vector<Value> items;
  for (const ExprPtr& item : expr.items) items.push_back(evaluate(*item, scope));
  at(expr);
  if (expr.kind == ExprKind::kList) return make_list(std::move(items));
  if (expr.kind == ExprKind::kTuple) return make_tuple(std::move(items));
  auto dict = std::make_shared<Dict>();
  for (std::size_t i = 0; i < items.size(); i += 2) {
    runtime_.charge(items[i].weight());
    dict->set(std::move(items[i]), std::move(items[i + 1]));
  }
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Value Interpreter::evaluate_slice(const Expr& expr, const ScopePtr& scope) {
  Value parts[4];
  for (std::size_t i = 0; i < 4; ++i) {
    if (expr.items[i]) parts[i] = evaluate(*expr.items[i], scope);
  }
  at(expr);
  return slice(runtime_, parts[0], parts[1], parts[2], parts[3]);
}

Value Interpreter::evaluate_operator(const Expr& expr, const ScopePtr& scope) {
  const Value left = evaluate(*expr.items[0], scope);
  if (expr.kind == ExprKind::kArithmetic) {
    const Value right = evaluate(*expr.items[1], scope);
    at(expr);
    return arithmetic(runtime_, expr.ops[0], left, right);
  }
  at(expr);
  const Value negative = negate(left);
  if (expr.kind == ExprKind::kNegative) return negative;
  return left.kind() == Kind::kFloat ? left : Value(left.as_int());
}

Value Interpreter::evaluate_comparison(const Expr& expr, const ScopePtr& scope) {
  Value left = evaluate(*expr.items[0], scope);
  for (std::size_t i = 0; i < expr.ops.size(); ++i) {
    Value right = evaluate(*expr.items[i + 1], scope);
    at(expr);
    if (!compare(runtime_, expr.ops[i], left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::evaluate_concat(const Expr& expr, const ScopePtr& scope) {
  std::string text;
  for (const ExprPtr& item : expr.items) {
    const Value value = evaluate(*item, scope);
    at(expr);
    const std::string part = to_str(runtime_, value);
    runtime_.charge_bytes(part.size());
    text += part;
  }
  return Value(std::move(text));
}

Value Interpreter::evaluate_conditional(const Expr& expr, const ScopePtr& scope) {
  if (evaluate(*expr.items[0], scope).truth()) return evaluate(*expr.items[1], scope);
  if (expr.items[2]) return evaluate(*expr.items[2], scope);
  return Value::undefined(str("the inline if on line ", expr.line, " evaluated to false and has no else"));
}

Args Interpreter::evaluate_args(const CallArgs& call, const ScopePtr& scope) {
  Args args;
  for (const ExprPtr& value : call.positional) args.positional.push_back(evaluate(*value, scope));
  for (const auto& [name, value] : call.named) args.named.emplace_back(name, evaluate(*value, scope));
  if (call.star) {
    for (Value& value : collect(runtime_, evaluate(*call.star, scope))) args.positional.push_back(std::move(value));
  }
  if (call.double_star) {
    const Value named = evaluate(*call.double_star, scope);
    if (!named.is_dict()) fail("TypeError", "argument after ** must be a mapping, not " + named.type_name());
    for (const auto& [name, value] : named.dict().entries) {
      if (!name.is_string()) fail("TypeError", "keywords must be strings");
      args.named.emplace_back(name.bytes(), value);
    }
  }
  return args;
}

Value Interpreter::evaluate_call(const Expr& expr, const ScopePtr& scope, const Value* caller) {
  const Value function = evaluate(*expr.items[0], scope);
  Args args = evaluate_args(*expr.args, scope);
  if (caller != nullptr) args.named.emplace_back("caller", *caller);
  at(expr);
  return call(runtime_, function, args);
}

Value Interpreter::evaluate_builtin(const Expr& expr, const ScopePtr& scope, const Value* subject) {
  const bool is_filter = expr.kind == ExprKind::kFilter;
  const Builtin builtin = is_filter ? find_filter(expr.name) : find_test(expr.name);
  at(expr);
  if (builtin == nullptr)
    fail("TemplateRuntimeError", str("No ", is_filter ? "filter" : "test", " named '", expr.name, "' found."));
  // A chain of filters on a block's text ends in a missing subject.
  const Expr* inner = expr.items[0].get();
  Value value = inner == nullptr                                         ? *subject
                : subject != nullptr && inner->kind == ExprKind::kFilter ? evaluate_builtin(*inner, scope, subject)
                                                                         : evaluate(*inner, scope);
  Args args = evaluate_args(*expr.args, scope);
  args.positional.insert(args.positional.begin(), std::move(value));
  at(expr);
  return builtin(runtime_, args);
}

}  // namespace vernier::jinja

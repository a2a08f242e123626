#pragma once
// Walks the tree of a template over scopes of variables.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/jinja/ast.h"
#include "data/jinja/runtime.h"
#include "data/jinja/template.h"

namespace vernier::jinja {

// Variables by name; what is not found here is looked for in the parent. Loops, macros and other blocks each have
// their own, so that what they set stays inside.
struct Scope : Object {
  explicit Scope(std::shared_ptr<Scope> outer) : parent(std::move(outer)) {}
  std::string type_name() const override { return "Scope"; }
  void clear() override { std::exchange(variables, {}).clear(); }
  const Value* find(const std::string& name) const;
  void set(const std::string& name, Value value);

  std::vector<std::pair<std::string, Value>> variables;
  std::shared_ptr<Scope> parent;
  bool captured = false;  // a macro refers to it
};
using ScopePtr = std::shared_ptr<Scope>;

class Interpreter {
 public:
  Interpreter(Runtime& runtime, const Variables& variables);

  // Throws Failure; line() and construct() then say where. Call once.
  Rendering run(const Body& body);
  int line() const { return line_; }
  std::string construct() const;

  // The text a macro prints for the arguments.
  Value call_macro(const Stmt& macro, const ScopePtr& closure, Args& args);

 private:
  enum class Flow { kNormal, kBreak, kContinue };

  Flow execute(const Body& body, const ScopePtr& scope);
  Flow execute_one(const Stmt& stmt, const ScopePtr& scope);
  Flow execute_if(const Stmt& stmt, const ScopePtr& scope);
  Flow execute_captured(const Stmt& stmt, const ScopePtr& scope);
  Flow execute_with(const Stmt& stmt, const ScopePtr& scope);
  void execute_generation(const Stmt& stmt, const ScopePtr& scope);
  void execute_call(const Stmt& stmt, const ScopePtr& scope);
  void run_loop(const Stmt& stmt, const Value& iterable, const ScopePtr& scope, std::int64_t depth);
  void print(const Value& value);
  void assign(const Target& target, const Value& value, const ScopePtr& scope);
  Value make_macro(const Stmt& stmt, const ScopePtr& scope, bool anonymous);
  void bind_parameters(const Stmt& macro, Args& args, const ScopePtr& scope);
  // What `body` prints, and how it ended.
  std::pair<std::string, Flow> capture(const std::function<Flow()>& body);

  Value evaluate(const Expr& expr, const ScopePtr& scope);
  Value evaluate_name(const Expr& expr, const ScopePtr& scope);
  Value evaluate_container(const Expr& expr, const ScopePtr& scope);
  Value evaluate_slice(const Expr& expr, const ScopePtr& scope);
  Value evaluate_operator(const Expr& expr, const ScopePtr& scope);
  Value evaluate_comparison(const Expr& expr, const ScopePtr& scope);
  Value evaluate_concat(const Expr& expr, const ScopePtr& scope);
  Value evaluate_conditional(const Expr& expr, const ScopePtr& scope);
  Value evaluate_call(const Expr& expr, const ScopePtr& scope, const Value* caller);
  // A filter or test; `subject` stands for a missing items[0].
  Value evaluate_builtin(const Expr& expr, const ScopePtr& scope, const Value* subject);
  Args evaluate_args(const CallArgs& call, const ScopePtr& scope);
  // Where a failure from here on is.
  void at(const Expr& expr) {
    line_ = expr.line;
    expr_ = &expr;
  }
  void at(const Stmt& stmt) {
    line_ = stmt.line;
    expr_ = nullptr;
    stmt_ = &stmt;
  }

  Runtime& runtime_;
  ScopePtr root_;
  Rendering result_;
  std::string* out_ = &result_.text;
  int line_ = 1;
  const Expr* expr_ = nullptr;  // what is being evaluated; null: the statement itself
  const Stmt* stmt_ = nullptr;
};

}  // namespace vernier::jinja

#include "data/jinja/interpreter.h"

#include <algorithm>

#include "base/text.h"
#include "data/jinja/format.h"
#include "data/jinja/library.h"
#include "data/jinja/loop.h"
#include "data/jinja/objects.h"

namespace vernier::jinja {
namespace {

struct Macro : Object {
  Macro(Interpreter& runs, const Stmt& definition, ScopePtr scope, bool unnamed)
      : interpreter(runs), stmt(definition), closure(std::move(scope)), anonymous(unnamed) {}
  std::string type_name() const override { return "Macro"; }
  std::string repr(Runtime&) const override { return anonymous ? "<Macro anonymous>" : "<Macro '" + stmt.text + "'>"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Args& args) override {
    const Runtime::Deeper deeper(runtime);
    return interpreter.call_macro(stmt, closure, args);
  }
  std::optional<Value> attribute(const std::shared_ptr<Object>&, std::string_view name) override {
    if (name == "name") return anonymous ? Value() : Value(stmt.text);
    return std::nullopt;
  }
  Interpreter& interpreter;
  const Stmt& stmt;
  ScopePtr closure;
  bool anonymous;
};

ScopePtr inner_scope(const ScopePtr& outer) {
  return std::make_shared<Scope>(outer);
}

// Takes a named argument out.
std::optional<Value> take_named(Args& args, const std::string& name) {
  const auto found =
      std::find_if(args.named.begin(), args.named.end(), [&](const auto& named) { return named.first == name; });
  if (found == args.named.end()) return std::nullopt;
  const std::optional<Value> value = found->second;
  args.named.erase(found);
  return value;
}

}  // namespace

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    for (const auto& [known, value] : scope->variables) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(const std::string& name, Value value) {
  for (auto& [known, old] : variables) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  variables.emplace_back(name, std::move(value));
}

Interpreter::Interpreter(Runtime& runtime, const Variables& variables)
    : runtime_(runtime), root_(std::make_shared<Scope>(nullptr)) {
  for (const auto& [name, value] : global_functions()) root_->set(name, value);
  for (const auto& [name, value] : variables) root_->set(name, value);
}

Rendering Interpreter::run(const Body& body) {
  execute(body, inner_scope(root_));
  return std::move(result_);
}

Interpreter::Flow Interpreter::execute(const Body& body, const ScopePtr& scope) {
  const Runtime::Deeper deeper(runtime_);
  for (const auto& stmt : body) {
    runtime_.charge(1);
    at(*stmt);
    const Flow flow = execute_one(*stmt, scope);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute_one(const Stmt& stmt, const ScopePtr& scope) {
  switch (stmt.kind) {
    case StmtKind::kData:
      runtime_.charge_bytes(stmt.text.size());
      *out_ += stmt.text;
      break;
    case StmtKind::kOutput:
      print(evaluate(*stmt.expr, scope));
      break;
    case StmtKind::kIf:
      return execute_if(stmt, scope);
    case StmtKind::kFor:
      run_loop(stmt, evaluate(*stmt.expr, scope), scope, 0);
      break;
    case StmtKind::kSet: {
      const Value value = evaluate(*stmt.expr, scope);
      at(stmt);
      assign(stmt.target, value, scope);
      break;
    }
    case StmtKind::kSetBlock:
    case StmtKind::kFilterBlock:
      return execute_captured(stmt, scope);
    case StmtKind::kMacro:
      scope->set(stmt.text, make_macro(stmt, scope, false));
      break;
    case StmtKind::kCallBlock:
      execute_call(stmt, scope);
      break;
    case StmtKind::kWith:
      return execute_with(stmt, scope);
    case StmtKind::kBreak:
      return Flow::kBreak;
    case StmtKind::kContinue:
      return Flow::kContinue;
    case StmtKind::kGeneration:
      execute_generation(stmt, scope);
      break;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute_if(const Stmt& stmt, const ScopePtr& scope) {
  for (const auto& [test, body] : stmt.branches) {
    if (evaluate(*test, scope).truth()) return execute(body, scope);
  }
  return execute(stmt.otherwise, scope);
}

Interpreter::Flow Interpreter::execute_captured(const Stmt& stmt, const ScopePtr& scope) {
  const ScopePtr inner = inner_scope(scope);
  auto [text, flow] = capture([&] { return execute(stmt.body, inner); });
  if (flow != Flow::kNormal) return flow;
  Value value(std::move(text));
  if (stmt.expr) value = evaluate_builtin(*stmt.expr, scope, &value);
  if (stmt.kind == StmtKind::kFilterBlock) {
    print(value);
  } else {
    assign(stmt.target, value, scope);
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute_with(const Stmt& stmt, const ScopePtr& scope) {
  const ScopePtr inner = inner_scope(scope);
  for (const auto& [target, expr] : stmt.assignments) assign(target, evaluate(*expr, scope), inner);
  return execute(stmt.body, inner);
}

void Interpreter::execute_generation(const Stmt& stmt, const ScopePtr& scope) {
  const std::size_t start = out_->size();
  execute(stmt.body, inner_scope(scope));
  if (out_ == &result_.text) {
    result_.generations.push_back({start, out_->size()});
  } else {
    result_.generations_placed = false;
  }
}

void Interpreter::execute_call(const Stmt& stmt, const ScopePtr& scope) {
  const Value caller = make_macro(stmt, scope, true);
  print(evaluate_call(*stmt.expr, scope, &caller));
}

void Interpreter::run_loop(const Stmt& stmt, const Value& iterable, const ScopePtr& scope, std::int64_t depth) {
  auto loop = std::make_shared<Loop>();
  loop->depth0 = depth;
  at(stmt);
  loop->next = iterate(runtime_, iterable);
  if (stmt.test) {
    loop->next = [this, &stmt, scope, next = loop->next](Value& item) {
      while (next(item)) {
        const ScopePtr inner = inner_scope(scope);
        assign(stmt.target, item, inner);
        if (evaluate(*stmt.test, inner).truth()) return true;
      }
      return false;
    };
  } else {
    loop->known_length = length(iterable);
  }
  if (stmt.recursive) {
    loop->recurse = [this, &stmt, scope](const Value& inner, std::int64_t level) {
      const Runtime::Deeper deeper(runtime_);
      return Value(capture([&] {
                     run_loop(stmt, inner, scope, level);
                     return Flow::kNormal;
                   }).first);
    };
  }
  bool any = false;
  for (Value item; loop->advance(item); any = true) {
    const ScopePtr inner = inner_scope(scope);
    inner->set("loop", Value(std::shared_ptr<Object>(loop)));
    at(stmt);
    assign(stmt.target, item, inner);
    if (execute(stmt.body, inner) == Flow::kBreak) return;
  }
  if (!any) execute(stmt.otherwise, inner_scope(scope));
}

void Interpreter::print(const Value& value) {
  const std::string text = to_str(runtime_, value);
  runtime_.charge_bytes(text.size());
  *out_ += text;
}

void Interpreter::assign(const Target& target, const Value& value, const ScopePtr& scope) {
  if (target.unpacks) {
    const std::vector<Value> items = collect(runtime_, value);
    if (items.size() != target.parts.size())
      fail("ValueError", str("expected ", target.parts.size(), " values to unpack, got ", items.size()));
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i], scope);
    return;
  }
  if (target.attribute.empty()) return scope->set(target.name, value);
  const Value* found = scope->find(target.name);
  const auto space = found != nullptr ? found->object_as<Namespace>() : nullptr;
  if (!space) fail("TemplateRuntimeError", "cannot assign attribute on non-namespace object '" + target.name + "'");
  space->set(target.attribute, value);
}

Value Interpreter::make_macro(const Stmt& stmt, const ScopePtr& scope, bool anonymous) {
  for (ScopePtr at = scope; at && !at->captured; at = at->parent) {
    at->captured = true;
    runtime_.keep(at);
  }
  return Value(std::shared_ptr<Object>(std::make_shared<Macro>(*this, stmt, scope, anonymous)));
}

void Interpreter::bind_parameters(const Stmt& macro, Args& args, const ScopePtr& scope) {
  const std::vector<Parameter>& parameters = macro.parameters;
  const std::size_t given = std::min(args.positional.size(), parameters.size());
  std::vector<const Parameter*> missing;
  bool explicit_caller = false;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string& name = parameters[i].name;
    explicit_caller = explicit_caller || name == "caller";
    std::optional<Value> value = i < given ? args.positional[i] : take_named(args, name);
    if (value) {
      scope->set(name, *value);
    } else {
      scope->set(name, Value::undefined("parameter '" + name + "' was not provided"));
      missing.push_back(&parameters[i]);
    }
  }
  if (macro.uses_caller && !explicit_caller)
    scope->set("caller", take_named(args, "caller").value_or(Value::undefined("No caller defined")));
  if (macro.uses_kwargs) {
    auto rest = std::make_shared<Dict>();
    for (const auto& [name, value] : args.named) rest->set(Value(name), value);
    scope->set("kwargs", Value(std::shared_ptr<const Dict>(rest)));
  } else if (!args.named.empty()) {
    fail("TypeError", "macro '" + macro.text + "' takes no keyword argument '" + args.named[0].first + "'");
  }
  if (macro.uses_varargs) {
    scope->set("varargs",
               make_tuple({args.positional.begin() + static_cast<std::ptrdiff_t>(given), args.positional.end()}));
  } else if (args.positional.size() > given) {
    fail("TypeError", str("macro '", macro.text, "' takes not more than ", parameters.size(), " argument(s)"));
  }
  for (const Parameter* parameter : missing) {
    if (parameter->otherwise) scope->set(parameter->name, evaluate(*parameter->otherwise, scope));
  }
}

Value Interpreter::call_macro(const Stmt& macro, const ScopePtr& closure, Args& args) {
  const ScopePtr scope = inner_scope(closure);
  bind_parameters(macro, args, scope);
  return Value(capture([&] { return execute(macro.body, scope); }).first);
}

std::pair<std::string, Interpreter::Flow> Interpreter::capture(const std::function<Flow()>& body) {
  std::string text;
  // A failure ends the rendering, so that only a normal return needs the old buffer back.
  std::string* outer = std::exchange(out_, &text);
  const Flow flow = body();
  out_ = outer;
  return {std::move(text), flow};
}

}  // namespace vernier::jinja

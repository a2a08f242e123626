#pragma once
// The parsed template: statements and expressions, each with its line.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/jinja/operations.h"
#include "data/jinja/value.h"

namespace vernier::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;         // *args
  ExprPtr double_star;  // **kwargs
};

enum class ExprKind {
  kConst,        // value
  kName,         // name
  kList,         // items
  kTuple,        // items
  kDict,         // items: key, value, key, value, ...
  kAttribute,    // items[0].name
  kItem,         // items[0][items[1]]
  kSlice,        // items[0][items[1]:items[2]:items[3]], absent ones null
  kCall,         // items[0](args)
  kFilter,       // items[0]|name(args); items[0] is null for the text of a block
  kTest,         // items[0] is name(args)
  kNegative,     // -items[0]
  kPositive,     // +items[0]
  kNot,          // not items[0]
  kAnd,          // items[0] and items[1]
  kOr,           // items[0] or items[1]
  kConditional,  // items[1] if items[0] else items[2], which may be null
  kArithmetic,   // items[0] op items[1]
  kCompare,      // items[0] ops[0] items[1] ops[1] items[2] ...
  kConcat,       // items[0] ~ items[1] ~ ...
};

struct Expr {
  ExprKind kind = ExprKind::kConst;
  int line = 1;
  int depth = 1;
  std::string name;
  Value value;
  std::vector<ExprPtr> items;
  std::vector<Operator> ops;
  std::unique_ptr<CallArgs> args;
};

// What a value is assigned to: a name, a namespace's attribute, or several targets.
struct Target {
  std::string name;
  std::string attribute;  // not empty: {% set name.attribute = ... %}
  std::vector<Target> parts;
  bool unpacks = false;
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

enum class StmtKind {
  kData,         // text
  kOutput,       // expr
  kIf,           // branches, otherwise
  kFor,          // target in expr if test: body, else otherwise
  kSet,          // target = expr
  kSetBlock,     // target = body, through expr's filters if not null
  kFilterBlock,  // body through expr's filters
  kMacro,        // name(parameters): body
  kCallBlock,    // expr is a call that gets body as its caller(parameters)
  kWith,         // assignments, body
  kBreak,
  kContinue,
  kGeneration,  // body: the assistant's text
};

struct Parameter {
  std::string name;
  ExprPtr otherwise;
};

struct Stmt {
  StmtKind kind = StmtKind::kData;
  int line = 1;
  std::string text;  // kData; the name of a macro
  ExprPtr expr;
  ExprPtr test;
  Target target;
  Body body;
  Body otherwise;
  std::vector<std::pair<ExprPtr, Body>> branches;
  std::vector<std::pair<Target, ExprPtr>> assignments;
  std::vector<Parameter> parameters;
  bool recursive = false;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;  // names read inside a macro
};

}  // namespace vernier::jinja

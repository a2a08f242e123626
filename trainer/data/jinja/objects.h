#pragma once
// The objects that templates meet beside plain data: ranges, views of dicts, generators, namespaces, functions.

#include <memory>
#include <string>
#include <vector>

#include "data/jinja/runtime.h"
#include "data/jinja/value.h"

namespace vernier::jinja {

struct Range : Object {
  Range(std::int64_t first, std::int64_t step_size, std::int64_t count)
      : start(first), step(step_size), length(count) {}
  std::string type_name() const override { return "range"; }
  std::string repr(Runtime&) const override;
  std::optional<std::int64_t> size() override { return length; }
  Next iterate() override;
  bool equals(const Object& other) const override;
  std::int64_t start, step, length;
};

// dict.keys(), values() and items().
struct DictView : Object {
  enum class Part { kKeys, kValues, kItems };
  DictView(std::shared_ptr<const Dict> of, Part which) : dict(std::move(of)), part(which) {}
  std::string type_name() const override;
  std::string repr(Runtime& runtime) const override;
  std::optional<std::int64_t> size() override { return static_cast<std::int64_t>(dict->entries.size()); }
  Next iterate() override;
  int depth() const override { return dict->depth + 1; }
  std::shared_ptr<const Dict> dict;
  Part part;
};

// An iterator that can be walked once, as Python's generators are: always true, without length or index.
struct Generator : Object {
  Generator(Next source, std::string name, int levels)
      : next(std::make_shared<Next>(std::move(source))), type(std::move(name)), level(levels) {}
  std::string type_name() const override { return type; }
  Next iterate() override {
    return [shared = next](Value& out) { return (*shared)(out); };
  }
  int depth() const override { return level; }
  std::shared_ptr<Next> next;
  std::string type;
  int level;
};
// A generator that draws on `source`; `next` may fail. Fails when generators are stacked too deep.
Value make_generator(Next next, const Value& source, std::string type = "generator");

struct Namespace : Object {
  std::string type_name() const override { return "Namespace"; }
  std::string repr(Runtime& runtime) const override;
  std::optional<Value> attribute(const std::shared_ptr<Object>&, std::string_view name) override;
  // Fails (SecurityError) on names with a leading underscore.
  void set(const std::string& name, Value value);
  void clear() override { attributes = Dict(); }
  Dict attributes;
};

struct Function : Object {
  Function(std::string function_name, Callable callable, int levels = 1)
      : name(std::move(function_name)), body(std::move(callable)), level(levels) {}
  std::string type_name() const override { return "builtin_function_or_method"; }
  std::string repr(Runtime&) const override { return "<function " + name + ">"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Args& args) override { return body(runtime, args); }
  int depth() const override { return level; }
  std::string name;
  Callable body;
  int level;
};
Value make_function(std::string name, Callable body, int depth = 1);

struct Cycler : Object {
  std::string type_name() const override { return "Cycler"; }
  std::optional<Value> attribute(const std::shared_ptr<Object>& self, std::string_view name) override;
  int depth() const override { return items.depth() + 1; }
  Value items;
  std::size_t position = 0;
};

// Arguments matched to the parameters of a built-in function, as Python matches them: fails (TypeError) on missing,
// unknown, repeated and superfluous ones.
class Params {
 public:
  Params(const char* function, Args& args, std::vector<const char*> names, std::size_t required);

  bool given(std::size_t i) const { return values_[i].has_value(); }
  // Given and not None.
  bool set(std::size_t i) const { return given(i) && !values_[i]->is_none(); }
  const Value& operator[](std::size_t i) const { return *values_[i]; }
  bool flag(std::size_t i, bool otherwise = false) const { return given(i) ? values_[i]->truth() : otherwise; }
  // Fail (TypeError) when it is of another type.
  std::int64_t integer(std::size_t i, std::int64_t otherwise) const;
  const std::string& text(std::size_t i) const;

 private:
  const char* function_;
  std::vector<const char*> names_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace vernier::jinja

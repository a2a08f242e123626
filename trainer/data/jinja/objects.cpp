#include "data/jinja/objects.h"

#include <algorithm>

#include "data/jinja/format.h"

namespace vernier::jinja {

Clock system_clock() {
  return [] {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    return local;
  };
}

std::string Range::repr(Runtime&) const {
  const std::int64_t stop = start + step * length;
  return step == 1 ? str("range(", start, ", ", stop, ")") : str("range(", start, ", ", stop, ", ", step, ")");
}

Next Range::iterate() {
  return [at = std::int64_t{0}, first = start, by = step, count = length](Value& out) mutable {
    if (at == count) return false;
    out = Value(first + by * at++);
    return true;
  };
}

bool Range::equals(const Object& other) const {
  const auto* range = dynamic_cast<const Range*>(&other);
  if (range == nullptr || range->length != length) return false;
  return length == 0 || (range->start == start && (length == 1 || range->step == step));
}

std::string DictView::type_name() const {
  return part == Part::kKeys ? "dict_keys" : part == Part::kValues ? "dict_values" : "dict_items";
}

std::string DictView::repr(Runtime& runtime) const {
  std::vector<Value> items;
  Next next = const_cast<DictView*>(this)->iterate();
  for (Value item; next(item);) items.push_back(item);
  return type_name() + "(" + vernier::jinja::repr(runtime, make_list(std::move(items))) + ")";
}

Next DictView::iterate() {
  return [at = std::size_t{0}, from = dict, what = part](Value& out) mutable {
    if (at == from->entries.size()) return false;
    const auto& [key, value] = from->entries[at++];
    out = what == Part::kKeys ? key : what == Part::kValues ? value : make_tuple({key, value});
    return true;
  };
}

Value make_generator(Next next, const Value& source, std::string type) {
  const int level = source.depth() + 1;
  if (level > kMaxDepth) fail("RecursionError", str("values nested deeper than ", kMaxDepth));
  return Value(std::make_shared<Generator>(std::move(next), std::move(type), level));
}

std::string Namespace::repr(Runtime& runtime) const {
  const Runtime::Deeper deeper(runtime);
  auto copy = std::make_shared<Dict>(attributes);
  return "<Namespace " + vernier::jinja::repr(runtime, Value(std::shared_ptr<const Dict>(copy))) + ">";
}

std::optional<Value> Namespace::attribute(const std::shared_ptr<Object>&, std::string_view name) {
  const Value* found = attributes.find(Value(std::string(name)));
  return found == nullptr ? std::nullopt : std::optional<Value>(*found);
}

void Namespace::set(const std::string& name, Value value) {
  if (starts_with(name, "_")) fail("SecurityError", "a namespace attribute may not begin with an underscore: " + name);
  attributes.set(Value(name), std::move(value));
}

Value make_function(std::string name, Callable body, int depth) {
  if (depth > kMaxDepth) fail("RecursionError", str("values nested deeper than ", kMaxDepth));
  return Value(std::make_shared<Function>(std::move(name), std::move(body), depth));
}

std::optional<Value> Cycler::attribute(const std::shared_ptr<Object>& self, std::string_view name) {
  const auto cycler = std::static_pointer_cast<Cycler>(self);
  if (name == "current") return items.items()[position];
  if (name == "next") {
    return make_function("next", [cycler](Runtime&, Args& args) {
      Params("next", args, {}, 0);
      const Value item = cycler->items.items()[cycler->position];
      cycler->position = (cycler->position + 1) % cycler->items.items().size();
      return item;
    });
  }
  if (name == "reset") {
    return make_function("reset", [cycler](Runtime&, Args& args) {
      Params("reset", args, {}, 0);
      cycler->position = 0;
      return Value();
    });
  }
  return std::nullopt;
}

Params::Params(const char* function, Args& args, std::vector<const char*> names, std::size_t required)
    : function_(function), names_(std::move(names)), values_(names_.size()) {
  const auto refuse = [&](const std::string& why) { fail("TypeError", str(function_, "() ", why)); };
  if (args.positional.size() > names_.size())
    refuse(str("takes at most ", names_.size(), " arguments, not ", args.positional.size()));
  for (std::size_t i = 0; i < args.positional.size(); ++i) values_[i] = args.positional[i];
  for (const auto& [name, value] : args.named) {
    const auto place = std::find(names_.begin(), names_.end(), name);
    if (place == names_.end()) refuse("got an unexpected keyword argument '" + name + "'");
    std::optional<Value>& slot = values_[static_cast<std::size_t>(place - names_.begin())];
    if (slot) refuse("got multiple values for argument '" + name + "'");
    slot = value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (!values_[i]) refuse(str("misses the argument '", names_[i], "'"));
  }
}

std::int64_t Params::integer(std::size_t i, std::int64_t otherwise) const {
  if (!given(i)) return otherwise;
  const Value& value = *values_[i];
  if (value.is_undefined()) fail("UndefinedError", value.missing().message);
  if (!value.is_int())
    fail("TypeError", str(function_, "(): ", names_[i], " must be an integer, not ", value.type_name()));
  return value.as_int();
}

const std::string& Params::text(std::size_t i) const {
  const Value& value = *values_[i];
  if (!value.is_string())
    fail("TypeError", str(function_, "(): ", names_[i], " must be a string, not ", value.type_name()));
  return value.bytes();
}

}  // namespace vernier::jinja

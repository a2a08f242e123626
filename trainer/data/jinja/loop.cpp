#include "data/jinja/loop.h"

#include <utility>

namespace vernier::jinja {

bool Loop::advance(Value& item) {
  if (after) {
    item = *std::exchange(after, std::nullopt);
  } else if (!next(item)) {
    return false;
  }
  ++index0;
  before = std::exchange(current, item);
  return true;
}

const std::optional<Value>& Loop::peek() {
  Value item;
  if (!after && next(item)) after = item;
  return after;
}

std::int64_t Loop::length() {
  if (known_length) return *known_length;
  std::vector<Value> rest;
  for (Value item; next(item);) rest.push_back(item);
  known_length = static_cast<std::int64_t>(rest.size()) + index0 + 1 + (after ? 1 : 0);
  next = [rest = std::move(rest), at = std::size_t{0}](Value& out) mutable {
    if (at == rest.size()) return false;
    out = rest[at++];
    return true;
  };
  return *known_length;
}

std::optional<Value> Loop::attribute(const std::shared_ptr<Object>& self, std::string_view name) {
  const auto loop = std::static_pointer_cast<Loop>(self);
  if (name == "index") return Value(index0 + 1);
  if (name == "index0") return Value(index0);
  if (name == "first") return Value(index0 == 0);
  if (name == "last") return Value(!peek());
  if (name == "length") return Value(length());
  if (name == "revindex") return Value(length() - index0);
  if (name == "revindex0") return Value(length() - index0 - 1);
  if (name == "depth") return Value(depth0 + 1);
  if (name == "depth0") return Value(depth0);
  if (name == "previtem") return index0 == 0 || !before ? Value::undefined("there is no previous item") : *before;
  if (name == "nextitem") return peek() ? *after : Value::undefined("there is no next item");
  if (name == "cycle") {
    return make_function("cycle", [loop](Runtime&, Args& args) {
      if (args.positional.empty() || !args.named.empty()) fail("TypeError", "no items for cycling given");
      return args.positional[static_cast<std::size_t>(loop->index0) % args.positional.size()];
    });
  }
  if (name == "changed") {
    return make_function("changed", [loop](Runtime& runtime, Args& args) {
      Value values = make_tuple(args.positional);
      runtime.charge(values.weight());
      if (loop->last_changed && equal(*loop->last_changed, values)) return Value(false);
      runtime.keep(loop);
      loop->last_changed = std::move(values);
      return Value(true);
    });
  }
  return std::nullopt;
}

Value Loop::call(Runtime&, Args& args) {
  const Params params("loop", args, {"iterable"}, 1);
  if (!recurse) fail("TypeError", "The loop must have the 'recursive' marker to be called recursively.");
  return recurse(params[0], depth0 + 1);
}

}  // namespace vernier::jinja

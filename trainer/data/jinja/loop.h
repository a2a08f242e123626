#pragma once
// The object `loop` inside a for block.

#include <functional>
#include <memory>
#include <optional>

#include "data/jinja/objects.h"

namespace vernier::jinja {

struct Loop : Object {
  using Recurse = std::function<Value(const Value& iterable, std::int64_t depth)>;

  std::string type_name() const override { return "LoopContext"; }
  std::string repr(Runtime&) const override { return str("<LoopContext ", index0 + 1, ">"); }
  std::optional<Value> attribute(const std::shared_ptr<Object>& self, std::string_view name) override;
  std::optional<std::int64_t> size() override { return length(); }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Args& args) override;
  void clear() override { last_changed.reset(); }

  // The next item; false at the end.
  bool advance(Value& item);
  std::int64_t length();
  // The item after the current one, read ahead.
  const std::optional<Value>& peek();

  Next next;
  std::optional<std::int64_t> known_length;
  Recurse recurse;  // empty: the loop is not recursive
  std::int64_t depth0 = 0;

  std::int64_t index0 = -1;
  std::optional<Value> before, current, after, last_changed;
};

}  // namespace vernier::jinja

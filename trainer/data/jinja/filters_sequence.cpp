// Filters on sequences: picking, mapping, sorting, joining.
#include <algorithm>
#include <unordered_set>

#include "data/jinja/filters.h"
#include "data/jinja/format.h"
#include "data/jinja/objects.h"
#include "data/jinja/operations.h"
#include "data/jinja/unicode.h"

namespace vernier::jinja {
namespace {

using Key = std::function<Value(const Value&)>;

Value lower_if_text(const Value& value) {
  return value.is_string() ? Value(to_lower(value.bytes()), value.text().markup) : value;
}

// "a.b.0": names and indices.
std::vector<Value> attribute_parts(const Value& attribute) {
  if (!attribute.is_string()) return attribute.is_none() ? std::vector<Value>{} : std::vector<Value>{attribute};
  std::vector<Value> parts;
  for (const std::string& part : split(attribute.bytes(), '.')) {
    const bool index = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    parts.push_back(index ? Value(parse_int(part, 10).value_or(0)) : Value(part));
  }
  return parts;
}

Key attribute_getter(Runtime& runtime, const Value& attribute, const Value& otherwise = Value()) {
  return [&runtime, parts = attribute_parts(attribute), otherwise](const Value& item) {
    Value value = item;
    for (const Value& part : parts) {
      value = get_item(runtime, value, part);
      if (value.is_undefined() && !otherwise.is_none()) value = otherwise;
    }
    return value;
  };
}

// The key to compare by: an attribute or the item, its case ignored unless asked not to.
Key compare_key(Runtime& runtime, const Value& attribute, bool case_sensitive) {
  return [get = attribute_getter(runtime, attribute), case_sensitive](const Value& item) {
    return case_sensitive ? get(item) : lower_if_text(get(item));
  };
}

Value optional(const Params& params, std::size_t i) {
  return params.given(i) ? params[i] : Value();
}

// Sorted by key, stable also in reverse.
std::vector<Value> sorted(Runtime& runtime, const std::vector<Value>& items, const Key& key, bool reverse) {
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : items) keyed.emplace_back(key(item), item);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    runtime.charge(1);
    return reverse ? less(runtime, b.first, a.first) : less(runtime, a.first, b.first);
  });
  std::vector<Value> out;
  for (auto& [unused, item] : keyed) out.push_back(std::move(item));
  return out;
}

Value sort_filter(Runtime& runtime, Args& args) {
  const Params params("sort", args, {"value", "reverse", "case_sensitive", "attribute"}, 1);
  std::vector<Key> keys;
  const Value attribute = optional(params, 3);
  if (attribute.is_string()) {
    for (const std::string& part : split(attribute.bytes(), ','))
      keys.push_back(compare_key(runtime, Value(part), params.flag(2)));
  } else {
    keys.push_back(compare_key(runtime, attribute, params.flag(2)));
  }
  const Key all = [&keys](const Value& item) {
    std::vector<Value> values;
    for (const Key& key : keys) values.push_back(key(item));
    return make_list(std::move(values));
  };
  return make_list(sorted(runtime, collect(runtime, params[0]), all, params.flag(1)));
}

Value dictsort_filter(Runtime& runtime, Args& args) {
  const Params params("dictsort", args, {"value", "case_sensitive", "by", "reverse"}, 1);
  const std::string by = params.given(2) ? params.text(2) : "key";
  if (by != "key" && by != "value") fail("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
  require_defined(params[0]);
  if (!params[0].is_dict()) fail("TypeError", "dictsort needs a dict, not " + params[0].type_name());
  std::vector<Value> items;
  for (const auto& [key, value] : params[0].dict().entries) items.push_back(make_tuple({key, value}));
  const Value place(std::int64_t{by == "key" ? 0 : 1});
  return make_list(sorted(runtime, items, compare_key(runtime, place, params.flag(1)), params.flag(3)));
}

Value unique_filter(Runtime& runtime, Args& args) {
  const Params params("unique", args, {"value", "case_sensitive", "attribute"}, 1);
  using Seen = std::unordered_set<Value, ValueHash, ValueEqual>;
  return make_generator(
      [&runtime, next = iterate(runtime, params[0]), seen = std::make_shared<Seen>(),
       key = compare_key(runtime, optional(params, 2), params.flag(1))](Value& out) {
        while (next(out)) {
          const Value id = key(out);
          runtime.charge(id.weight());
          if (seen->insert(id).second) return true;
        }
        return false;
      },
      params[0]);
}

Value extreme(Runtime& runtime, Args& args, bool largest) {
  const Params params(largest ? "max" : "min", args, {"value", "case_sensitive", "attribute"}, 1);
  const Key key = compare_key(runtime, optional(params, 2), params.flag(1));
  const Next next = iterate(runtime, params[0]);
  Value best;
  if (!next(best)) return Value::undefined("No aggregated item, sequence was empty.");
  Value best_key = key(best);
  for (Value item; next(item);) {
    Value item_key = key(item);
    if (!(largest ? less(runtime, best_key, item_key) : less(runtime, item_key, best_key))) continue;
    best = item;
    best_key = std::move(item_key);
  }
  return best;
}

Value sum_filter(Runtime& runtime, Args& args) {
  const Params params("sum", args, {"iterable", "attribute", "start"}, 1);
  const Key get = attribute_getter(runtime, optional(params, 1));
  Value total = params.given(2) ? params[2] : Value(std::int64_t{0});
  if (total.is_string()) fail("TypeError", "sum() can't sum strings [use ''.join(seq) instead]");
  const Next next = iterate(runtime, params[0]);
  for (Value item; next(item);) total = arithmetic(runtime, Operator::kAdd, total, get(item));
  return total;
}

Value join_filter(Runtime& runtime, Args& args) {
  const Params params("join", args, {"value", "d", "attribute"}, 1);
  const Key get = attribute_getter(runtime, optional(params, 2));
  const std::string separator = params.given(1) ? to_str(runtime, params[1]) : "";
  std::string out;
  bool first = true;
  const Next next = iterate(runtime, params[0]);
  for (Value item; next(item); first = false) {
    const std::string text = to_str(runtime, get(item));
    runtime.charge_bytes(text.size() + separator.size());
    if (!first) out += separator;
    out += text;
  }
  return Value(std::move(out));
}

Value first_filter(Runtime& runtime, Args& args) {
  Value item;
  const Params params("first", args, {"seq"}, 1);
  return iterate(runtime, params[0])(item) ? item : Value::undefined("No first item, sequence was empty.");
}

// Fails (TypeError) on what reversed() refuses.
std::vector<Value> reversed(Runtime& runtime, const Value& value) {
  const bool can = value.is_string() || value.is_sequence() || value.is_dict() || value.object_as<Range>() ||
                   value.object_as<DictView>() || value.is_undefined();
  if (value.is_undefined()) require_defined(value);
  if (!can) fail("TypeError", "'" + value.type_name() + "' object is not reversible");
  std::vector<Value> items = collect(runtime, value);
  std::reverse(items.begin(), items.end());
  return items;
}

Value last_filter(Runtime& runtime, Args& args) {
  const Params params("last", args, {"seq"}, 1);
  // Python's reversed() takes an undefined for an empty sequence.
  std::vector<Value> items = params[0].is_undefined() ? std::vector<Value>{} : reversed(runtime, params[0]);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.front();
}

Value list_filter(Runtime& runtime, Args& args) {
  return make_list(collect(runtime, Params("list", args, {"value"}, 1)[0]));
}

Value reverse_filter(Runtime& runtime, Args& args) {
  const Params params("reverse", args, {"value"}, 1);
  const Value& value = params[0];
  if (value.is_string()) return slice(runtime, value, Value(), Value(), Value(std::int64_t{-1}));
  std::vector<Value> items = collect(runtime, value);
  std::reverse(items.begin(), items.end());
  if (value.object_as<Generator>()) return make_list(std::move(items));
  const Next next = iterate(runtime, make_list(std::move(items)));
  return make_generator(next, value, value.kind() == Kind::kList ? "list_reverseiterator" : "reversed");
}

Value items_filter(Runtime&, Args& args) {
  const Params params("items", args, {"value"}, 1);
  const Value& value = params[0];
  if (value.is_undefined()) return make_generator([](Value&) { return false; }, value);
  // Upstream's is a generator function: the error comes when it is walked.
  if (!value.is_dict())
    return make_generator([](Value&) -> bool { fail("TypeError", "Can only get item pairs from a mapping."); }, value);
  return make_generator(DictView(value.dict_pointer(), DictView::Part::kItems).iterate(), value);
}

Value batch_filter(Runtime& runtime, Args& args) {
  const Params params("batch", args, {"value", "linecount", "fill_with"}, 2);
  const std::int64_t size = params.integer(1, 0);
  const bool fill = params.set(2);
  return make_generator(
      [&runtime, next = iterate(runtime, params[0]), size, fill, filler = optional(params, 2),
       pending = std::optional<Value>()](Value& out) mutable {
        std::vector<Value> row;
        if (pending) row.push_back(*std::exchange(pending, std::nullopt));
        for (Value item; next(item);) {
          if (static_cast<std::int64_t>(row.size()) == size) {
            pending = item;
            break;
          }
          row.push_back(item);
        }
        if (row.empty() && !pending) return false;
        for (; fill && !pending && static_cast<std::int64_t>(row.size()) < size; runtime.charge(1))
          row.push_back(filler);
        out = make_list(std::move(row));
        return true;
      },
      params[0]);
}

Value map_filter(Runtime& runtime, Args& args) {
  if (args.positional.empty()) fail("TypeError", "map misses its sequence");
  const Value source = args.positional[0];
  if (!source.truth()) return make_generator([](Value&) { return false; }, source);
  Key change;
  Args rest{{args.positional.begin() + 1, args.positional.end()}, args.named};
  if (rest.positional.empty() &&
      std::any_of(rest.named.begin(), rest.named.end(), [](const auto& named) { return named.first == "attribute"; })) {
    const Params params("map", rest, {"attribute", "default"}, 0);
    change = attribute_getter(runtime, params[0], optional(params, 1));
  } else {
    if (rest.positional.empty()) fail("FilterArgumentError", "map requires a filter argument");
    const Value name = rest.positional[0];
    const Builtin filter = name.is_string() ? find_filter(name.bytes()) : nullptr;
    if (filter == nullptr) fail("TemplateRuntimeError", "No filter named " + repr(runtime, name) + ".");
    change = [&runtime, filter, rest](const Value& item) {
      Args call = rest;
      call.positional[0] = item;
      return filter(runtime, call);
    };
  }
  return make_generator(
      [next = iterate(runtime, source), change](Value& out) {
        if (!next(out)) return false;
        out = change(out);
        return true;
      },
      source);
}

Value choose(Runtime& runtime, Args& args, bool wanted, bool by_attribute) {
  if (args.positional.empty()) fail("TypeError", "select misses its sequence");
  const Value source = args.positional[0];
  if (!source.truth()) return make_generator([](Value&) { return false; }, source);
  const std::size_t skipped = by_attribute ? 2 : 1;
  if (args.positional.size() < skipped) fail("FilterArgumentError", "Missing parameter for attribute name");
  const Key subject = attribute_getter(runtime, by_attribute ? args.positional[1] : Value());
  Args rest{{args.positional.begin() + static_cast<std::ptrdiff_t>(skipped), args.positional.end()}, args.named};
  Builtin test = nullptr;
  if (!rest.positional.empty()) {
    const Value name = rest.positional[0];
    test = name.is_string() ? find_test(name.bytes()) : nullptr;
    if (test == nullptr) fail("TemplateRuntimeError", "No test named " + repr(runtime, name) + ".");
  }
  return make_generator(
      [&runtime, next = iterate(runtime, source), subject, test, rest, wanted](Value& out) {
        while (next(out)) {
          Args call = rest;
          const Value value = subject(out);
          if (test != nullptr) call.positional[0] = value;
          if ((test != nullptr ? test(runtime, call) : value).truth() == wanted) return true;
        }
        return false;
      },
      source);
}

}  // namespace

const std::map<std::string, Builtin>& sequence_filters() {
  static const std::map<std::string, Builtin> kFilters = {
      {"batch", batch_filter},
      {"dictsort", dictsort_filter},
      {"first", first_filter},
      {"items", items_filter},
      {"join", join_filter},
      {"last", last_filter},
      {"list", list_filter},
      {"map", map_filter},
      {"max", [](Runtime& runtime, Args& args) { return extreme(runtime, args, true); }},
      {"min", [](Runtime& runtime, Args& args) { return extreme(runtime, args, false); }},
      {"reject", [](Runtime& runtime, Args& args) { return choose(runtime, args, false, false); }},
      {"rejectattr", [](Runtime& runtime, Args& args) { return choose(runtime, args, false, true); }},
      {"reverse", reverse_filter},
      {"select", [](Runtime& runtime, Args& args) { return choose(runtime, args, true, false); }},
      {"selectattr", [](Runtime& runtime, Args& args) { return choose(runtime, args, true, true); }},
      {"sort", sort_filter},
      {"sum", sum_filter},
      {"unique", unique_filter}};
  return kFilters;
}

}  // namespace vernier::jinja

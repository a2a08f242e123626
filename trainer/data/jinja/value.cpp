#include "data/jinja/value.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/text.h"
#include "data/jinja/unicode.h"

namespace vernier::jinja {
namespace {

template <typename Container>
void account(Container& container, const Value& item) {
  container.depth = std::max(container.depth, item.depth() + 1);
  container.weight += item.weight();
  if (container.depth > kMaxDepth) fail("RecursionError", str("values nested deeper than ", kMaxDepth));
  if (container.weight > kMaxWeight) fail("MemoryError", str("a value of more than ", kMaxWeight, " parts"));
}

std::shared_ptr<const Sequence> make_sequence(std::vector<Value> items, bool tuple) {
  auto sequence = std::make_shared<Sequence>();
  sequence->tuple = tuple;
  for (const Value& item : items) account(*sequence, item);
  sequence->items = std::move(items);
  return sequence;
}

std::size_t hash_number(const Value& value) {
  // Equal numbers hash alike whatever their type.
  const double number = value.as_double();
  return std::hash<double>{}(number == 0.0 ? 0.0 : number);
}

bool equal_numbers(const Value& a, const Value& b) {
  if (a.is_int() && b.is_int()) return a.as_int() == b.as_int();
  if (!a.is_int() && !b.is_int()) return a.as_double() == b.as_double();
  // long double holds every 64-bit integer exactly.
  const auto widen = [](const Value& v) {
    return v.is_int() ? static_cast<long double>(v.as_int()) : static_cast<long double>(v.as_double());
  };
  return widen(a) == widen(b);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const Value* other = b.find(entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

}  // namespace

void fail(std::string type, std::string message) {
  throw Failure{std::move(type), std::move(message)};
}

Value::Value(std::string text, bool markup) {
  const std::size_t length = code_points(text);
  data_ = std::make_shared<const Text>(Text{std::move(text), length, markup});
}

Value Value::undefined(std::string message, bool unsafe) {
  Value value;
  value.data_ = std::make_shared<const Missing>(Missing{std::move(message), unsafe});
  return value;
}

Value make_list(std::vector<Value> items) {
  Value value;
  value.data_ = make_sequence(std::move(items), false);
  return value;
}

Value make_tuple(std::vector<Value> items) {
  Value value;
  value.data_ = make_sequence(std::move(items), true);
  return value;
}

Kind Value::kind() const {
  static constexpr Kind kKinds[] = {Kind::kUndefined, Kind::kNone, Kind::kBool, Kind::kInt,   Kind::kFloat,
                                    Kind::kString,    Kind::kList, Kind::kDict, Kind::kObject};
  const Kind kind = kKinds[data_.index()];
  if (kind == Kind::kList && std::get<std::shared_ptr<const Sequence>>(data_)->tuple) return Kind::kTuple;
  return kind;
}

std::int64_t Value::as_int() const {
  const bool* flag = std::get_if<bool>(&data_);
  return flag != nullptr ? static_cast<std::int64_t>(*flag) : std::get<std::int64_t>(data_);
}

double Value::as_double() const {
  return is_int() ? static_cast<double>(as_int()) : std::get<double>(data_);
}

const std::vector<Value>& Value::items() const {
  return std::get<std::shared_ptr<const Sequence>>(data_)->items;
}

bool Value::truth() const {
  switch (kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return as_int() != 0;
    case Kind::kFloat:
      return as_double() != 0.0;
    case Kind::kString:
      return !bytes().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !items().empty();
    case Kind::kDict:
      return !dict().entries.empty();
    case Kind::kObject:
      return object()->size().value_or(1) != 0;
  }
  return false;
}

bool Value::same(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::kNone:
      return true;
    case Kind::kBool:
    case Kind::kInt:
      return as_int() == other.as_int();
    case Kind::kString:
      return text().markup == other.text().markup && bytes() == other.bytes();
    default:
      return std::visit(
          [](const auto& a, const auto& b) {
            if constexpr (std::is_same_v<decltype(a), decltype(b)> && requires { a.get(); }) return a.get() == b.get();
            return false;
          },
          data_, other.data_);
  }
}

std::string Value::type_name() const {
  switch (kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return text().markup ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kObject:
      return object()->type_name();
  }
  return "";
}

int Value::depth() const {
  if (is_sequence()) return std::get<std::shared_ptr<const Sequence>>(data_)->depth;
  if (is_dict()) return dict().depth;
  return kind() == Kind::kObject ? object()->depth() : 0;
}

std::int64_t Value::weight() const {
  if (is_sequence()) return std::get<std::shared_ptr<const Sequence>>(data_)->weight;
  if (is_dict()) return dict().weight;
  return is_string() ? 1 + static_cast<std::int64_t>(bytes().size() / 32) : 1;
}

std::size_t hash_value(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return static_cast<std::size_t>(value.kind());
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      return hash_number(value);
    case Kind::kString:
      return std::hash<std::string>{}(value.bytes());
    case Kind::kTuple: {
      std::size_t hash = 7;
      for (const Value& item : value.items()) hash = hash * 1000003 + hash_value(item);
      return hash;
    }
    case Kind::kObject:
      return std::hash<const Object*>{}(value.object().get());
    default:
      fail("TypeError", "unhashable type: '" + value.type_name() + "'");
  }
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return equal_numbers(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      return a.bytes() == b.bytes();
    case Kind::kList:
    case Kind::kTuple:
      // Inside containers Python asks `is` before ==, which only NaN can tell apart.
      return a.items().size() == b.items().size() &&
             std::equal(a.items().begin(), a.items().end(), b.items().begin(), equal);
    case Kind::kDict:
      return equal_dicts(a.dict(), b.dict());
    case Kind::kObject:
      return a.object()->equals(*b.object());
    default:
      return false;
  }
}

void Dict::set(Value key, Value value) {
  account(*this, key);
  account(*this, value);
  const auto [place, added] = index.try_emplace(key, entries.size());
  if (added) {
    entries.emplace_back(std::move(key), std::move(value));
  } else {
    entries[place->second].second = std::move(value);
  }
}

const Value* Dict::find(const Value& key) const {
  const auto place = index.find(key);
  return place == index.end() ? nullptr : &entries[place->second].second;
}

Value from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail("OverflowError", str("the integer ", number, " does not fit 64 bits"));
      return static_cast<std::int64_t>(number);
    }
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      if (!is_utf8(json.get_ref<const std::string&>())) fail("ValueError", "a text that is not UTF-8");
      return json.get<std::string>();
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(from_json(item));
      return make_list(std::move(items));
    }
    case Json::value_t::object: {
      auto dict = std::make_shared<Dict>();
      for (const auto& [key, item] : json.items()) dict->set(key, from_json(item));
      return Value(std::shared_ptr<const Dict>(std::move(dict)));
    }
    default:
      return {};
  }
}

}  // namespace vernier::jinja

#pragma once
// The values of the template language, which are Python's: None apart from undefined, 64-bit ints (an error on overflow
// where Python would grow), strings of code points, tuples and lists, dicts in insertion order, and objects (loops,
// namespaces, functions, generators). Everything but a namespace and the state of an iterator is immutable.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "io/json.h"

namespace vernier::jinja {

class Runtime;
class Value;
struct Object;

// What Python would raise inside a template: `type` is the exception's name. The interpreter turns it into Error with
// the template's line.
struct Failure {
  std::string type;
  std::string message;
};
[[noreturn]] void fail(std::string type, std::string message);

// Gives the next item; false at the end.
using Next = std::function<bool(Value&)>;

struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};
using Callable = std::function<Value(Runtime&, Args&)>;

struct Text {
  std::string bytes;       // UTF-8
  std::size_t length = 0;  // code points
  bool markup = false;     // came through |safe or |escape: adding to it escapes the other side
  bool ascii() const { return bytes.size() == length; }
};

struct Sequence;
struct Dict;
struct Missing {
  std::string message;
  bool unsafe = false;  // the sandbox hid it: use is a SecurityError
};
struct None {};

enum class Kind { kUndefined, kNone, kBool, kInt, kFloat, kString, kList, kTuple, kDict, kObject };

class Value {
 public:
  Value() : data_(None{}) {}
  Value(bool value) : data_(value) {}
  Value(std::int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(std::string text, bool markup = false);
  Value(const char* text) : Value(std::string(text)) {}
  Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
  Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}
  static Value undefined(std::string message, bool unsafe = false);
  // A size or count.
  static Value count(std::size_t n) { return Value(static_cast<std::int64_t>(n)); }

  Kind kind() const;
  bool is_undefined() const { return kind() == Kind::kUndefined; }
  bool is_none() const { return kind() == Kind::kNone; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_int() const { return kind() == Kind::kInt || kind() == Kind::kBool; }  // as in Python, a bool is an int
  bool is_number() const { return is_int() || kind() == Kind::kFloat; }
  bool is_sequence() const { return kind() == Kind::kList || kind() == Kind::kTuple; }
  bool is_dict() const { return kind() == Kind::kDict; }

  // Preconditions of the following: the kind fits.
  const Missing& missing() const { return *std::get<std::shared_ptr<const Missing>>(data_); }
  std::int64_t as_int() const;
  double as_double() const;
  const Text& text() const { return *std::get<std::shared_ptr<const Text>>(data_); }
  const std::string& bytes() const { return text().bytes; }
  const std::vector<Value>& items() const;
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  const std::shared_ptr<const Dict>& dict_pointer() const { return std::get<std::shared_ptr<const Dict>>(data_); }
  const std::shared_ptr<Object>& object() const { return std::get<std::shared_ptr<Object>>(data_); }
  template <typename T>
  std::shared_ptr<T> object_as() const {
    return kind() == Kind::kObject ? std::dynamic_pointer_cast<T>(object()) : nullptr;
  }

  bool truth() const;
  // Python's `is`.
  bool same(const Value& other) const;
  // Name of the Python type.
  std::string type_name() const;
  // Containers inside containers, and how many values a full walk visits: both are bounded when a container is made, so
  // that every walk is.
  int depth() const;
  std::int64_t weight() const;

  friend Value make_list(std::vector<Value> items);
  friend Value make_tuple(std::vector<Value> items);

 private:
  std::variant<std::shared_ptr<const Missing>, None, bool, std::int64_t, double, std::shared_ptr<const Text>,
               std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>, std::shared_ptr<Object>>
      data_;
};

// Fail (RecursionError, MemoryError) on nesting deeper than kMaxDepth or more values than kMaxWeight.
inline constexpr int kMaxDepth = 200;
inline constexpr std::int64_t kMaxWeight = 20'000'000;
Value make_list(std::vector<Value> items);
Value make_tuple(std::vector<Value> items);

struct Sequence {
  std::vector<Value> items;
  bool tuple = false;
  int depth = 1;
  std::int64_t weight = 1;
};

// Python's hash and ==; hash fails (TypeError) on what Python cannot hash.
std::size_t hash_value(const Value& value);
bool equal(const Value& a, const Value& b);

struct ValueHash {
  std::size_t operator()(const Value& value) const { return hash_value(value); }
};
struct ValueEqual {
  bool operator()(const Value& a, const Value& b) const { return equal(a, b); }
};

struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<Value, std::size_t, ValueHash, ValueEqual> index;
  int depth = 1;
  std::int64_t weight = 1;

  // Adds, or replaces the value of a key that is there (which keeps its place).
  void set(Value key, Value value);
  const Value* find(const Value& key) const;
};

// What is not plain data. The defaults are those of a Python object without the method.
struct Object {
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;
  virtual std::string repr(Runtime&) const { return "<" + type_name() + " object>"; }
  virtual std::optional<Value> attribute(const std::shared_ptr<Object>&, std::string_view) { return std::nullopt; }
  virtual std::optional<std::int64_t> size() { return std::nullopt; }
  virtual Next iterate() { return nullptr; }
  virtual bool callable() const { return false; }
  virtual Value call(Runtime&, Args&) { fail("TypeError", "'" + type_name() + "' object is not callable"); }
  virtual bool equals(const Object& other) const { return this == &other; }
  virtual int depth() const { return 1; }
  // Lets go of everything it refers to, so that no cycle of references survives the rendering.
  virtual void clear() {}
};

// JSON as Python's json.loads gives it; fails (OverflowError) on integers beyond 64 bits.
Value from_json(const Json& json);

}  // namespace vernier::jinja

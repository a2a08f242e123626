// The tests behind `is`.
#include <map>

#include "data/jinja/library.h"
#include "data/jinja/methods.h"
#include "data/jinja/objects.h"
#include "data/jinja/operations.h"

namespace vernier::jinja {
namespace {

template <auto Holds>
Value one(Runtime&, Args& args) {
  return Holds(Params("test", args, {"value"}, 1)[0]);
}

template <Operator Op>
Value two(Runtime& runtime, Args& args) {
  const Params params("test", args, {"a", "b"}, 2);
  return compare(runtime, Op, params[0], params[1]);
}

bool is_sequence(const Value& value) {
  return value.is_string() || value.is_sequence() || value.is_dict() || value.object_as<Range>() != nullptr ||
         value.is_undefined();
}

bool is_name_of(const Value& value, Builtin (*find)(const std::string&)) {
  return value.is_string() && find(value.bytes()) != nullptr;
}

Value remainder_is(Runtime& runtime, const Value& value, const Value& divisor, std::int64_t rest) {
  return equal(arithmetic(runtime, Operator::kMod, value, divisor), Value(rest));
}

Value divisible(Runtime& runtime, Args& args) {
  const Params params("divisibleby", args, {"value", "num"}, 2);
  return remainder_is(runtime, params[0], params[1], 0);
}

template <std::int64_t Rest>
Value parity(Runtime& runtime, Args& args) {
  return remainder_is(runtime, Params("test", args, {"value"}, 1)[0], Value(std::int64_t{2}), Rest);
}

Value same_as(Runtime&, Args& args) {
  const Params params("sameas", args, {"value", "other"}, 2);
  return params[0].same(params[1]);
}

// str(value).islower() and isupper().
template <bool Upper>
Value cased(Runtime& runtime, Args& args) {
  const Params params("test", args, {"value"}, 1);
  Args none;
  const Value text = params[0].is_string() ? params[0] : Value(std::string());
  return call(runtime, *method_of(text, Upper ? "isupper" : "islower"), none);
}

const std::map<std::string, Builtin>& all_tests() {
  static const std::map<std::string, Builtin> kTests = {
      {"defined", one<[](const Value& v) { return !v.is_undefined(); }>},
      {"undefined", one<[](const Value& v) { return v.is_undefined(); }>},
      {"none", one<[](const Value& v) { return v.is_none(); }>},
      {"boolean", one<[](const Value& v) { return v.kind() == Kind::kBool; }>},
      {"true", one<[](const Value& v) { return v.kind() == Kind::kBool && v.truth(); }>},
      {"false", one<[](const Value& v) { return v.kind() == Kind::kBool && !v.truth(); }>},
      {"integer", one<[](const Value& v) { return v.kind() == Kind::kInt; }>},
      {"float", one<[](const Value& v) { return v.kind() == Kind::kFloat; }>},
      {"number", one<[](const Value& v) { return v.is_number(); }>},
      {"string", one<[](const Value& v) { return v.is_string(); }>},
      {"mapping", one<[](const Value& v) { return v.is_dict(); }>},
      {"iterable", one<is_iterable>},
      {"sequence", one<is_sequence>},
      {"callable",
       one<[](const Value& v) { return v.is_undefined() || (v.kind() == Kind::kObject && v.object()->callable()); }>},
      {"escaped", one<[](const Value& v) { return v.is_string() && v.text().markup; }>},
      {"filter", one<[](const Value& v) { return is_name_of(v, find_filter); }>},
      {"test", one<[](const Value& v) { return is_name_of(v, find_test); }>},
      {"lower", cased<false>},
      {"upper", cased<true>},
      {"odd", parity<1>},
      {"even", parity<0>},
      {"divisibleby", divisible},
      {"sameas", same_as},
      {"in", two<Operator::kIn>},
      {"==", two<Operator::kEq>},
      {"eq", two<Operator::kEq>},
      {"equalto", two<Operator::kEq>},
      {"!=", two<Operator::kNe>},
      {"ne", two<Operator::kNe>},
      {">", two<Operator::kGt>},
      {"gt", two<Operator::kGt>},
      {"greaterthan", two<Operator::kGt>},
      {">=", two<Operator::kGe>},
      {"ge", two<Operator::kGe>},
      {"<", two<Operator::kLt>},
      {"lt", two<Operator::kLt>},
      {"lessthan", two<Operator::kLt>},
      {"<=", two<Operator::kLe>},
      {"le", two<Operator::kLe>}};
  return kTests;
}

}  // namespace

Builtin find_test(const std::string& name) {
  const auto found = all_tests().find(name);
  return found == all_tests().end() ? nullptr : found->second;
}

}  // namespace vernier::jinja

// The global functions of the environment.
#include <array>

#include "data/jinja/format.h"
#include "data/jinja/library.h"
#include "data/jinja/objects.h"
#include "data/jinja/operations.h"

namespace vernier::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // the sandbox's

Value range(Runtime&, Args& args) {
  if (!args.named.empty()) fail("TypeError", "range() takes no keyword arguments");
  const Params params("range", args, {"start", "stop", "step"}, 1);
  const bool single = !params.given(1);
  const std::int64_t start = single ? 0 : params.integer(0, 0);
  const std::int64_t stop = params.integer(single ? 0 : 1, 0);
  const std::int64_t step = params.integer(2, 1);
  if (step == 0) fail("ValueError", "range() arg 3 must not be zero");
  const bool empty = step > 0 ? start >= stop : start <= stop;
  const auto low = static_cast<std::uint64_t>(step > 0 ? start : stop);
  const auto high = static_cast<std::uint64_t>(step > 0 ? stop : start);
  const std::uint64_t stride =
      step > 0 ? static_cast<std::uint64_t>(step) : std::uint64_t{0} - static_cast<std::uint64_t>(step);
  const std::uint64_t count = empty ? 0 : (high - low - 1) / stride + 1;
  if (count > static_cast<std::uint64_t>(kMaxRange))
    fail("OverflowError", str("Range too big. The sandbox blocks ranges larger than MAX_RANGE (", kMaxRange, ")."));
  return Value(std::make_shared<Range>(start, step, static_cast<std::int64_t>(count)));
}

// dict(mapping or pairs, **named).
std::shared_ptr<Dict> make_dict(Runtime& runtime, Args& args) {
  if (args.positional.size() > 1) fail("TypeError", "dict expected at most 1 argument");
  auto dict = std::make_shared<Dict>();
  if (!args.positional.empty() && args.positional[0].is_dict()) {
    runtime.charge(args.positional[0].weight());
    *dict = args.positional[0].dict();
  } else if (!args.positional.empty()) {
    const Next next = iterate(runtime, args.positional[0]);
    for (Value item; next(item);) {
      const std::vector<Value> pair = collect(runtime, item);
      if (pair.size() != 2) fail("ValueError", "a dict is made from pairs");
      dict->set(pair[0], pair[1]);
    }
  }
  for (const auto& [name, value] : args.named) dict->set(Value(name), value);
  return dict;
}

Value dict(Runtime& runtime, Args& args) {
  return Value(std::shared_ptr<const Dict>(make_dict(runtime, args)));
}

Value make_cycler(Runtime&, Args& args) {
  if (!args.named.empty()) fail("TypeError", "cycler() takes no keyword arguments");
  if (args.positional.empty()) fail("RuntimeError", "at least one item has to be provided");
  auto cycler = std::make_shared<Cycler>();
  cycler->items = make_tuple(args.positional);
  return Value(std::shared_ptr<Object>(cycler));
}

Value make_joiner(Runtime&, Args& args) {
  const Params params("joiner", args, {"sep"}, 0);
  const Value separator = params.given(0) ? params[0] : Value(", ");
  return make_function(
      "joiner",
      [separator, used = std::make_shared<bool>(false)](Runtime&, Args&) {
        return std::exchange(*used, true) ? separator : Value("");
      },
      separator.depth() + 1);
}

Value raise_exception(Runtime& runtime, Args& args) {
  const Params params("raise_exception", args, {"message"}, 1);
  fail("TemplateError", to_str(runtime, params[0]));
}

Value strftime_now(Runtime& runtime, Args& args) {
  const Params params("strftime_now", args, {"format"}, 1);
  const std::string& format = params.text(0);
  if (format.size() > 1000) fail("ValueError", "strftime_now: the format is too long");
  const std::tm now = runtime.clock()();
  std::array<char, 1 << 16> buffer{};
  return std::string(buffer.data(), std::strftime(buffer.data(), buffer.size(), format.c_str(), &now));
}

}  // namespace

std::vector<std::pair<std::string, Value>> global_functions() {
  const auto add = [](const char* name, Callable body) {
    return std::pair{std::string(name), make_function(name, body)};
  };
  return {add("range", range),
          add("dict", dict),
          add("cycler", make_cycler),
          add("joiner", make_joiner),
          add("raise_exception", raise_exception),
          add("strftime_now", strftime_now),
          add("namespace", [](Runtime& runtime, Args& args) {
            auto space = std::make_shared<Namespace>();
            runtime.keep(space);
            const auto attributes = make_dict(runtime, args);
            for (const auto& [name, value] : attributes->entries)
              space->set(name.is_string() ? name.bytes() : repr(runtime, name), value);
            return Value(std::shared_ptr<Object>(space));
          })};
}

}  // namespace vernier::jinja

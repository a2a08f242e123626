#pragma once
// What one rendering is bounded by and sees of the outside: a budget of steps, a depth, and the clock.

#include <cstdint>
#include <ctime>
#include <functional>

#include "base/text.h"
#include "data/jinja/value.h"

namespace vernier::jinja {

// Gives the local time that strftime_now prints.
using Clock = std::function<std::tm()>;
Clock system_clock();

struct Limits {
  std::int64_t steps = 10'000'000;  // nodes evaluated, values visited, and 32-byte pieces of text made
  int depth = 250;                  // statements, expressions and macro calls inside one another
};

class Runtime {
 public:
  Runtime(const Limits& limits, Clock clock) : limits_(limits), clock_(std::move(clock)) {}
  ~Runtime() {
    for (const std::shared_ptr<Object>& object : kept_) object->clear();
  }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // An object that may come to refer to itself: cleared with the runtime.
  void keep(std::shared_ptr<Object> object) {
    charge(4);
    kept_.push_back(std::move(object));
  }

  // Fails (BudgetError) once the steps are used up. Call before the work or memory they stand for.
  void charge(std::int64_t steps) {
    if (steps > limits_.steps - used_)
      fail("BudgetError", str("the template takes more than ", limits_.steps, " steps"));
    used_ += steps;
  }
  void charge_bytes(std::size_t bytes) { charge(1 + static_cast<std::int64_t>(bytes / 32)); }
  // A string made of `text`, paid for.
  Value make_text(std::string text, bool markup = false) {
    charge_bytes(text.size());
    return Value(std::move(text), markup);
  }
  const Clock& clock() const { return clock_; }

  // One level deeper for the life of the object.
  class Deeper {
   public:
    explicit Deeper(Runtime& runtime) : runtime_(runtime) {
      if (runtime_.depth_ >= runtime_.limits_.depth)
        fail("RecursionError", str("nested deeper than ", runtime_.limits_.depth));
      ++runtime_.depth_;
    }
    ~Deeper() { --runtime_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Runtime& runtime_;
  };

 private:
  Limits limits_;
  Clock clock_;
  std::int64_t used_ = 0;
  int depth_ = 0;
  std::vector<std::shared_ptr<Object>> kept_;
};

}  // namespace vernier::jinja

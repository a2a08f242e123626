#include "data/jinja/template.h"

#include "base/error.h"
#include "base/text.h"
#include "data/jinja/interpreter.h"
#include "data/jinja/parser.h"

namespace vernier::jinja {

struct Template::State {
  std::string name;
  Parsed parsed;
};

Template::Template(std::string_view source, std::string name) {
  if (!is_utf8(source)) throw Error(ErrorKind::kInput, "the template is not UTF-8", name);
  try {
    Parsed parsed = parse(source);
    state_ = std::make_unique<State>(State{std::move(name), std::move(parsed)});
  } catch (const SyntaxError& error) {
    throw Error(ErrorKind::kInput, error.message, str(name, ":", error.line), "correct the chat template");
  }
}

Template::~Template() = default;
Template::Template(Template&&) noexcept = default;

Rendering Template::render(const Variables& variables, const Clock& clock, const Limits& limits) const {
  Runtime runtime(limits, clock);
  Interpreter interpreter(runtime, variables);
  try {
    return interpreter.run(state_->parsed.body);
  } catch (const Failure& failure) {
    const std::string what =
        failure.type == "TemplateError" ? failure.message : str(failure.type, ": ", failure.message);
    throw Error(ErrorKind::kInput, str(what, " (in ", interpreter.construct(), ")"),
                str(state_->name, ":", interpreter.line()));
  }
}

bool Template::has_generation() const {
  return state_->parsed.has_generation;
}

}  // namespace vernier::jinja

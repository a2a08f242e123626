#pragma once
// Chat templates in Jinja, rendered as transformers renders them: Python jinja2's sandboxed environment with
// trim_blocks, lstrip_blocks, loop controls, {% generation %}, tojson, raise_exception and strftime_now
// (reference: jinja2 3.1.6; https://jinja.palletsprojects.com/templates).

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/jinja/runtime.h"
#include "data/jinja/value.h"

namespace vernier::jinja {

// Bytes [start, end) of the rendered text.
struct Span {
  std::size_t start = 0;
  std::size_t end = 0;
};

struct Rendering {
  std::string text;
  std::vector<Span> generations;  // what the {% generation %} blocks printed, in order
  // False when such a block printed inside a macro, set, filter or call block, where its place in the text is unknown.
  bool generations_placed = true;
};

using Variables = std::vector<std::pair<std::string, Value>>;

class Template {
 public:
  // Error(kInput) at "name:line" when the source is not a template.
  Template(std::string_view source, std::string name);
  ~Template();
  Template(Template&&) noexcept;

  // Error(kInput) at "name:line", naming the construct, where Python raises or a limit is passed.
  Rendering render(const Variables& variables, const Clock& clock = system_clock(), const Limits& limits = {}) const;

  bool has_generation() const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace vernier::jinja

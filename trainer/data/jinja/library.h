#pragma once
// The filters, tests and global functions of jinja2 and of transformers' environment.

#include <string>
#include <utility>
#include <vector>

#include "data/jinja/runtime.h"
#include "data/jinja/value.h"

namespace vernier::jinja {

// A filter or test gets its subject as the first positional argument.
using Builtin = Value (*)(Runtime&, Args&);

// Null when there is none of that name.
Builtin find_filter(const std::string& name);
Builtin find_test(const std::string& name);

// range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
std::vector<std::pair<std::string, Value>> global_functions();

}  // namespace vernier::jinja

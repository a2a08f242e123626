#pragma once
// The part of the filters that works on sequences, for the one table in filters.cpp.

#include <map>
#include <string>

#include "data/jinja/library.h"

namespace vernier::jinja {

const std::map<std::string, Builtin>& sequence_filters();

}  // namespace vernier::jinja

#pragma once
// A broken precondition is a bug of ours: check() is on in every build, prints file:line and leaves with exit code 70
// (aborts under sanitizers, so that a test sees the stack).

#include <source_location>

namespace vernier {

[[noreturn]] void check_failed(const char* what, std::source_location where);

inline void check(bool ok, const char* what, std::source_location where = std::source_location::current()) {
  if (!ok) [[unlikely]]
    check_failed(what, where);
}

}  // namespace vernier

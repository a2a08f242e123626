#include "base/check.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/error.h"

namespace vernier {

void check_failed(const char* what, std::source_location where) {
  std::fprintf(stderr, "vernier: internal error: %s (%s:%u)\n", what, where.file_name(),
               static_cast<unsigned>(where.line()));
#ifdef VERNIER_SANITIZED
  std::abort();
#else
  std::fflush(nullptr);
  _exit(kExitInternal);
#endif
}

}  // namespace vernier

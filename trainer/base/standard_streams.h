#pragma once
// stdin, stdout and stderr as the system hands them over: closed, full, or with nobody left who reads them.

#include <optional>
#include <string>

namespace vernier {

// The reader of stdout has gone: what a shell reports of a program that SIGPIPE ends.
inline constexpr int kExitNoReader = 141;

// To be called before any file is opened. A write that nobody reads fails from here on (EPIPE) instead of ending the
// program, so that a run whose screen is gone goes on and saves. A stream that was closed is held by a descriptor on
// which writing fails, so that no file of ours takes its number and gets what is printed.
void prepare_standard_streams();

struct LostOutput {
  bool no_reader = false;
  std::string reason;
};

// Flushes stdout. nullopt when all that was ever printed to it was taken.
std::optional<LostOutput> flush_stdout();

}  // namespace vernier

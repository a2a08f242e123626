#pragma once
// What goes wrong outside the program (YAML, data, weights, disk, a diverged loss): thrown as Error, caught once in
// main, printed as a few lines on stderr, and turned into the exit code of its kind.

#include <stdexcept>
#include <string>
#include <vector>

namespace vernier {

// The value is the process's exit code.
enum class ErrorKind : int {
  kInput = 2,      // config, data, model files, command line: found before any compute
  kResource = 3,   // memory, disk
  kNumeric = 4,    // NaN or Inf, divergence
  kIntegrity = 5,  // a damaged file: hash, truncated weights, checkpoint
};

inline constexpr int kExitInternal = 70;      // a broken precondition: a bug of ours
inline constexpr int kExitResumable = 75;     // stopped by a signal or max_time, saved; --resume goes on
inline constexpr int kExitInterrupted = 130;  // stopped at once by a second signal

class Error : public std::runtime_error {
 public:
  // `what` says what is wrong, `where` the place ("file:line:column", a file, a tensor; may be empty), `fix` what to do
  // about it (may be empty). No trailing newlines or full stops.
  Error(ErrorKind kind, const std::string& what, std::string where = "", std::string fix = "");

  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }
  const std::string& where() const { return where_; }
  const std::string& fix() const { return fix_; }

  // "where: what" and, on lines of its own, the fix: what the user reads.
  std::string message() const;

 private:
  ErrorKind kind_;
  std::string where_;
  std::string fix_;
};

// Several problems as one Error of the first one's kind: each on its own line. Precondition: not empty.
Error join_errors(const std::vector<Error>& problems);

}  // namespace vernier

#pragma once
// Progress and warnings on stderr. One Log is made in main and handed down by reference; no room keeps a global one.

#include <cstddef>
#include <memory>
#include <string>

namespace vernier {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

// "debug", "info", "warning", "error", "off"; throws Error(kInput) for another word.
LogLevel parse_log_level(const std::string& word);

class Log {
 public:
  explicit Log(LogLevel level);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void debug(const std::string& line) const;
  void info(const std::string& line) const;
  void warning(const std::string& line) const;
  bool shows(LogLevel level) const;

  // On a terminal: replaces the last line (a progress line), cut to the terminal's width so that it never wraps;
  // elsewhere nothing. The next logged line takes its place.
  void live(const std::string& line) const;
  // Whether stderr shows live lines: a terminal, and not one that calls itself dumb (TERM=dumb).
  bool is_terminal() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `line` in at most `columns` columns, a character one; what goes is whole fields where two spaces part them.
std::string cut_line(const std::string& line, std::size_t columns);

}  // namespace vernier

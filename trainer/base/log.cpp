#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace vernier {

LogLevel parse_log_level(const std::string& word) {
  if (word == "debug") return LogLevel::kDebug;
  if (word == "info") return LogLevel::kInfo;
  if (word == "warning") return LogLevel::kWarning;
  if (word == "error") return LogLevel::kError;
  if (word == "off") return LogLevel::kOff;
  throw Error(ErrorKind::kInput, "unknown log level \"" + word + "\"", "--log-level",
              "one of debug, info, warning, error, off");
}

namespace {

constexpr std::size_t kUsualColumns = 80;

// As the terminal says, else as COLUMNS does. Asked for each line: a window changes its size.
std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* const columns = std::getenv("COLUMNS");
  const long count = columns == nullptr ? 0 : std::strtol(columns, nullptr, 10);
  return count > 0 ? static_cast<std::size_t>(count) : kUsualColumns;
}

bool shows_live_lines() {
  const char* const term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

}  // namespace

std::string cut_line(const std::string& line, std::size_t columns) {
  std::size_t end = 0, fields_end = 0;
  for (std::size_t shown = 0; end < line.size() && shown < columns; ++shown) {
    if (line.compare(end, 2, "  ") == 0) fields_end = end;
    do ++end;
    while (end < line.size() && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80);
  }
  if (end == line.size()) return line;
  if (line.compare(end, 2, "  ") == 0) return line.substr(0, end);
  return line.substr(0, fields_end > 0 ? fields_end : end);
}

struct Log::State {
  spdlog::logger logger{"vernier", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  LogLevel level = LogLevel::kInfo;
  bool terminal = false;
  bool live_line = false;

  void leave_live_line() {
    if (live_line) std::fputs("\r\033[K", stderr);
    live_line = false;
  }
};

Log::Log(LogLevel level) : state_(std::make_unique<State>()) {
  state_->logger.set_pattern("%v");
  state_->logger.set_level(spdlog::level::trace);
  state_->logger.flush_on(spdlog::level::trace);
  state_->level = level;
  state_->terminal = shows_live_lines();
}

Log::~Log() {
  if (state_->live_line) std::fputc('\n', stderr);
}

bool Log::shows(LogLevel level) const {
  return level >= state_->level;
}

void Log::debug(const std::string& line) const {
  if (!shows(LogLevel::kDebug)) return;
  state_->leave_live_line();
  state_->logger.debug(line);
}

void Log::info(const std::string& line) const {
  if (!shows(LogLevel::kInfo)) return;
  state_->leave_live_line();
  state_->logger.info(line);
}

void Log::warning(const std::string& line) const {
  if (!shows(LogLevel::kWarning)) return;
  state_->leave_live_line();
  state_->logger.warn("warning: " + line);
}

void Log::live(const std::string& line) const {
  if (!state_->terminal || !shows(LogLevel::kInfo)) return;
  // A line that fills the last column leaves some terminals' cursor on the next.
  const std::size_t columns = std::max<std::size_t>(terminal_columns(), 2) - 1;
  std::fprintf(stderr, "\r\033[K%s", cut_line(line, columns).c_str());
  std::fflush(stderr);
  state_->live_line = true;
}

bool Log::is_terminal() const {
  return state_->terminal;
}

}  // namespace vernier

#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>

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
  state_->terminal = isatty(STDERR_FILENO) == 1;
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
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  state_->live_line = true;
}

bool Log::is_terminal() const {
  return state_->terminal;
}

}  // namespace vernier

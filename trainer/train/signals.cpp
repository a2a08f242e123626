#include "train/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "base/check.h"
#include "base/error.h"

namespace vernier {

namespace {

// A signal handler reaches nothing but globals: the ones of the program.
std::atomic<bool> training{false}, save_requested{false};
std::atomic<std::int64_t> first_stop_nanoseconds{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t monotonic_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

extern "C" void on_stop_signal(int) {
  if (!training) {
    constexpr std::string_view kSaid =
        "\nvernier: stopped before the first step: the same command starts it again, or goes on with --resume\n";
    static_cast<void>(write(STDERR_FILENO, kSaid.data(), kSaid.size()) == 0);
    _exit(kExitResumable);
  }
  std::int64_t none = 0;
  if (!first_stop_nanoseconds.compare_exchange_strong(none, monotonic_nanoseconds())) _exit(kExitInterrupted);
}

extern "C" void on_save_signal(int) {
  save_requested = true;
}

void install(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  check(sigaction(number, &action, nullptr) == 0, "a signal handler is installed");
}

}  // namespace

RunSignals::RunSignals() {
  install(SIGINT, on_stop_signal);
  install(SIGTERM, on_stop_signal);
  install(SIGUSR1, on_save_signal);
  install(SIGHUP, SIG_IGN);
}

void RunSignals::begin_training() const {
  training = true;
}

bool RunSignals::stop_requested() const {
  return first_stop_nanoseconds != 0;
}

double RunSignals::seconds_since_stop() const {
  const std::int64_t first = first_stop_nanoseconds;
  return first == 0 ? 0 : static_cast<double>(monotonic_nanoseconds() - first) * 1e-9;
}

bool RunSignals::take_save_request() const {
  return save_requested.exchange(false);
}

}  // namespace vernier

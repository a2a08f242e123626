#include "train/signals.h"

#include <unistd.h>

#include <csignal>

#include "base/check.h"
#include "base/error.h"

namespace vernier {

namespace {

// A signal handler reaches nothing but a global: the one of the program, alive while a StopSignals is.
volatile std::sig_atomic_t stop_signals_seen = 0;

struct sigaction former_int, former_term, former_hup;

extern "C" void on_stop_signal(int) {
  stop_signals_seen = stop_signals_seen + 1;
  if (stop_signals_seen > 1) _exit(kExitInterrupted);
}

}  // namespace

StopSignals::StopSignals() {
  stop_signals_seen = 0;
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  check(sigaction(SIGINT, &action, &former_int) == 0 && sigaction(SIGTERM, &action, &former_term) == 0,
        "signal handlers are installed");
  action.sa_handler = SIG_IGN;
  sigaction(SIGHUP, &action, &former_hup);
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &former_int, nullptr);
  sigaction(SIGTERM, &former_term, nullptr);
  sigaction(SIGHUP, &former_hup, nullptr);
}

bool StopSignals::stop_requested() const {
  return stop_signals_seen > 0;
}

}  // namespace vernier

#pragma once
// What other programs and the keyboard ask of a run:
//
//   SIGINT, SIGTERM   before training: leave at once with exit code 75, as there is nothing to save yet
//                     then the first: stop and save; the second: leave at once with exit code 130
//   SIGUSR1           save and go on
//   SIGHUP            nothing: a closed terminal does not end a run

namespace vernier {

class RunSignals {
 public:
  // Installs the handlers, which stay to the program's end. Precondition: the only one of the program.
  RunSignals();
  RunSignals(const RunSignals&) = delete;
  RunSignals& operator=(const RunSignals&) = delete;

  // From here on there is something to save.
  void begin_training() const;
  bool stop_requested() const;
  // Since the first stop signal; 0 before.
  double seconds_since_stop() const;
  // Whether a save was asked for since the last call.
  bool take_save_request() const;
};

}  // namespace vernier

#pragma once
// SIGINT and SIGTERM: the first asks the loop to stop at the next step's end, the second leaves at once with exit code
// 130. SIGHUP is ignored: a closed terminal does not end a run.

namespace vernier {

class StopSignals {
 public:
  StopSignals();   // installs the handlers
  ~StopSignals();  // and puts the former ones back
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool stop_requested() const;
};

}  // namespace vernier

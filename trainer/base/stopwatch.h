#pragma once
// How long a piece of work takes, for the log.

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

namespace vernier {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  // "0.312 s"
  std::string text() const {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.3f s", seconds());
    return buffer.data();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace vernier

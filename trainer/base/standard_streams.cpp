#include "base/standard_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace vernier {

namespace {

// Asked of the system: which error an earlier write met is not kept by stdio.
bool has_no_reader(int descriptor) {
  pollfd polled{descriptor, POLLOUT, 0};
  return poll(&polled, 1, 0) == 1 && (polled.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

void prepare_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    // It gets the lowest number that is free: this one.
    if (fcntl(descriptor, F_GETFD) == -1) open("/dev/null", O_RDONLY);
}

std::optional<LostOutput> flush_stdout() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return std::nullopt;
  const std::string reason = errno != 0 ? std::string(": ") + std::strerror(errno) : "";
  return LostOutput{has_no_reader(STDOUT_FILENO), "what was printed could not be written" + reason};
}

}  // namespace vernier

// LD_PRELOAD: the time of day jumps by up to ten years either way, another jump at every call. The monotonic clock goes
// on as it does.
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void jump(time_t* seconds) {
  static unsigned long long state = 88172645463325252ULL;  // xorshift64
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  const long years = 10L * 365 * 86400;
  *seconds += (time_t)(state % (2 * (unsigned long long)years)) - years;
}

int clock_gettime(clockid_t clock, struct timespec* out) {
  const int result = (int)syscall(SYS_clock_gettime, clock, out);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) jump(&out->tv_sec);
  return result;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  const int result = (int)syscall(SYS_gettimeofday, out, zone);
  if (result == 0) jump(&out->tv_sec);
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

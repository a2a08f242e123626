// LD_PRELOAD: the disk under an optimizer's pages fails at the k-th read or write of their file (io/page_file.h), or
// there and ever after.
//   FAIL_AT=k         0: none fails
//   FAIL_ALWAYS=1     from the k-th on
//   FAIL_ERRNO=E      how
//   FAIL_COUNT=F      writes how many reads and writes there were into the file F when the program ends by itself
//   FAIL_SIGNAL=S     the process gets this signal just before
//   FAIL_LATE=1       the monotonic clock jumps ten days ahead just before, past any max_time
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static atomic_int pages_file = -1;
static atomic_int late;
static atomic_long calls;

static long number_of(const char* name) {
  const char* const text = getenv(name);
  return text == NULL ? 0 : atol(text);
}

int open(const char* path, int flags, ...) {
  typedef int Open(const char*, int, ...);
  Open* const next = (Open*)dlsym(RTLD_NEXT, "open");
  va_list arguments;
  va_start(arguments, flags);
  const int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, int) : 0;
  va_end(arguments);
  const int file = next(path, flags, mode);
  if (file >= 0 && strstr(path, "/optimizer-pages") != NULL) atomic_store(&pages_file, file);
  return file;
}

static int fails(int file) {
  if (file != atomic_load(&pages_file)) return 0;
  const long call = atomic_fetch_add(&calls, 1) + 1, fail_at = number_of("FAIL_AT");
  if (fail_at == 0 || call < fail_at || (call > fail_at && number_of("FAIL_ALWAYS") == 0)) return 0;
  if (call == fail_at) {
    if (number_of("FAIL_SIGNAL") != 0) kill(getpid(), (int)number_of("FAIL_SIGNAL"));
    atomic_store(&late, number_of("FAIL_LATE") != 0);
  }
  errno = (int)number_of("FAIL_ERRNO");
  return 1;
}

ssize_t pread(int file, void* bytes, size_t size, off_t offset) {
  if (fails(file)) return -1;
  return syscall(SYS_pread64, file, bytes, size, offset);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  if (fails(file)) return -1;
  return syscall(SYS_pwrite64, file, bytes, size, offset);
}

int clock_gettime(clockid_t clock, struct timespec* out) {
  const int result = (int)syscall(SYS_clock_gettime, clock, out);
  if (result == 0 && clock == CLOCK_MONOTONIC && atomic_load(&late)) out->tv_sec += 10L * 86400;
  return result;
}

__attribute__((destructor)) static void write_count(void) {
  const char* const name = getenv("FAIL_COUNT");
  FILE* const file = name == NULL ? NULL : fopen(name, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", atomic_load(&calls));
  fclose(file);
}

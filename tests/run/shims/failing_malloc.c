// LD_PRELOAD: the k-th allocation after main has begun gives no memory, or that one and all that follow it.
//   FAIL_AT=k       0: none fails
//   FAIL_ALWAYS=1   from the k-th on
//   FAIL_COUNT=F    writes how many allocations there were into the file F when the program ends by itself
// What runs before main is left alone: the constructors of the libraries beneath the program are not its own.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

static atomic_int armed;
static atomic_long allocations;
static long fail_at;
static int fail_always;
static const char* count_file;

static int fails(void) {
  if (!atomic_load_explicit(&armed, memory_order_relaxed)) return 0;
  const long number = atomic_fetch_add(&allocations, 1) + 1;
  const int failed = fail_at > 0 && (number == fail_at || (fail_always && number > fail_at));
  if (failed) errno = ENOMEM;
  return failed;
}

void* malloc(size_t size) {
  return fails() ? NULL : __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  return fails() ? NULL : __libc_calloc(count, size);
}

void* realloc(void* old, size_t size) {
  return fails() ? NULL : __libc_realloc(old, size);
}

void* memalign(size_t alignment, size_t size) {
  return fails() ? NULL : __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}

int posix_memalign(void** out, size_t alignment, size_t size) {
  void* const memory = memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *out = memory;
  return 0;
}

static void write_count(void) {
  atomic_store(&armed, 0);
  FILE* const file = fopen(count_file, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", atomic_load(&allocations));
  fclose(file);
}

typedef int Main(int, char**, char**);
static Main* program_main;

static int armed_main(int argc, char** argv, char** environment) {
  atomic_store(&armed, 1);
  return program_main(argc, argv, environment);
}

int __libc_start_main(Main* main, int argc, char** argv, void (*init)(void), void (*fini)(void), void (*end)(void),
                      void* stack) {
  typedef int Start(Main*, int, char**, void (*)(void), void (*)(void), void (*)(void), void*);
  Start* start;
  void* const symbol = dlsym(RTLD_NEXT, "__libc_start_main");
  memcpy(&start, &symbol, sizeof start);
  const char* const at = getenv("FAIL_AT");
  fail_at = at == NULL ? 0 : atol(at);
  fail_always = getenv("FAIL_ALWAYS") != NULL;
  count_file = getenv("FAIL_COUNT");
  if (count_file != NULL) atexit(write_count);
  program_main = main;
  return start(armed_main, argc, argv, init, fini, end, stack);
}

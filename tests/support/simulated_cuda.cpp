#include "support/simulated_cuda.h"

#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>

namespace {

using Reached = std::shared_ptr<bool>;

// Work that may begin when `after` is reached, or at once where it is empty.
struct Work {
  Reached after;
  std::function<void()> run;
};

struct Simulation {
  std::mt19937_64 random;
  int eagerness = 0;  // most pieces of work that are done at a call that does not ask for any
  std::int64_t calls = 0, fail_at = 0;
  vernier::simulated_cuda::Counts counts;
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
  std::map<std::byte*, std::size_t> device, host;
};

Simulation& simulation() {
  static Simulation the_one;
  return the_one;
}

void broken(const char* what) {
  std::fprintf(stderr, "simulated CUDA: %s\n", what);
  std::abort();
}

}  // namespace

struct CUstream_st {
  std::deque<Work> queue;
  std::uint64_t rank = 0;  // the lowest of those that can go on does
};
struct CUevent_st {
  Reached last;
};

namespace {

bool can_go_on(const CUstream_st& stream) {
  return !stream.queue.empty() && (!stream.queue.front().after || *stream.queue.front().after);
}

void draw_ranks() {
  for (CUstream_st* stream : simulation().streams) stream->rank = simulation().random();
}

// One piece of work; false when no stream can go on. The preferred stream changes now and then, so that a stream runs
// far ahead of the others, or falls far behind.
bool do_one() {
  Simulation& all = simulation();
  if (all.random() % 8 == 0) draw_ranks();
  CUstream_st* first = nullptr;
  for (CUstream_st* stream : all.streams)
    if (can_go_on(*stream) && (first == nullptr || stream->rank < first->rank)) first = stream;
  if (first == nullptr) return false;
  const Work work = std::move(first->queue.front());
  first->queue.pop_front();
  if (work.run) work.run();
  return true;
}

// Counts the call, lets the device do what it likes meanwhile, and says whether the call is to fail.
bool begin_call() {
  Simulation& all = simulation();
  if (++all.calls == all.fail_at) return false;
  for (std::uint64_t left = all.random() % static_cast<std::uint64_t>(all.eagerness + 1); left > 0 && do_one();) --left;
  return true;
}

void protect_device(int protection) {
  for (const auto& [memory, bytes] : simulation().device) ::mprotect(memory, bytes, protection);
}

bool lies_in(const std::map<std::byte*, std::size_t>& pieces, const void* begin, std::size_t bytes) {
  const auto* const at = static_cast<const std::byte*>(begin);
  auto it = pieces.upper_bound(const_cast<std::byte*>(at));
  return it != pieces.begin() && (--it, at + bytes <= it->first + it->second);
}

void copy(void* to, const void* from, std::size_t bytes) {
  protect_device(PROT_READ | PROT_WRITE);
  std::memcpy(to, from, bytes);
  protect_device(PROT_NONE);
}

std::byte* fresh_memory(std::size_t bytes, std::map<std::byte*, std::size_t>& pieces) {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) broken("no memory");
  std::memset(memory, 0xA5, bytes);
  pieces[static_cast<std::byte*>(memory)] = bytes;
  return static_cast<std::byte*>(memory);
}

// Work that is still queued may touch what is given back.
cudaError_t give_back(void* memory, std::map<std::byte*, std::size_t>& pieces) {
  if (memory == nullptr) return cudaSuccess;
  for (const CUstream_st* stream : simulation().streams)
    if (!stream->queue.empty()) broken("memory is given back under work that waits");
  const auto it = pieces.find(static_cast<std::byte*>(memory));
  if (it == pieces.end()) broken("memory that was not taken is given back");
  ::munmap(memory, it->second);
  pieces.erase(it);
  return cudaSuccess;
}

}  // namespace

namespace vernier::simulated_cuda {

void begin(std::uint64_t seed) {
  Simulation& all = simulation();
  if (alive() > 0) broken("something is left of the run before");
  all.random.seed(seed);
  all.eagerness = static_cast<int>(seed % 4) * 3;  // a quarter of the seeds: nothing before it is waited for
  all.counts = {};
  fail_at(0);
}

void fail_at(std::int64_t call) {
  simulation().calls = 0;
  simulation().fail_at = call;
}

std::int64_t calls() {
  return simulation().calls;
}

Counts counts() {
  return simulation().counts;
}

std::int64_t alive() {
  const Simulation& all = simulation();
  return static_cast<std::int64_t>(all.streams.size() + all.events.size() + all.device.size() + all.host.size());
}

}  // namespace vernier::simulated_cuda

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  if (!begin_call()) return cudaErrorMemoryAllocation;
  *memory = fresh_memory(bytes, simulation().device);
  ::mprotect(*memory, bytes, PROT_NONE);
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  return give_back(memory, simulation().device);
}

cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned int) {
  if (!begin_call()) return cudaErrorMemoryAllocation;
  *memory = fresh_memory(bytes, simulation().host);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* memory) {
  return give_back(memory, simulation().host);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int) {
  if (!begin_call()) return cudaErrorMemoryAllocation;
  *stream = new CUstream_st;
  (*stream)->rank = simulation().random();
  simulation().streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (!stream->queue.empty()) broken("a stream is destroyed with work in it");
  simulation().streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  if (!begin_call()) return cudaErrorMemoryAllocation;
  if ((flags & cudaEventBlockingSync) == 0) broken("a wait for this event would spin");
  *event = new CUevent_st;
  simulation().events.insert(*event);
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  simulation().events.erase(event);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (!begin_call()) return cudaErrorLaunchFailure;
  const Reached reached = std::make_shared<bool>(false);
  stream->queue.push_back({nullptr, [reached] { *reached = true; }});
  event->last = reached;
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  if (!begin_call()) return cudaErrorLaunchFailure;
  if (event->last) stream->queue.push_back({event->last, nullptr});
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const bool good = begin_call();
  ++simulation().counts.waits;
  while (event->last && !*event->last)
    if (!do_one()) broken("all streams wait for each other");
  return good ? cudaSuccess : cudaErrorLaunchFailure;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (!begin_call()) return cudaErrorLaunchFailure;
  Simulation& all = simulation();
  const bool in = kind == cudaMemcpyHostToDevice;
  if (!lies_in(in ? all.device : all.host, to, bytes) || !lies_in(in ? all.host : all.device, from, bytes))
    return cudaErrorInvalidValue;
  ++(in ? all.counts.to_device : all.counts.to_host);
  const std::size_t half = bytes / 2;
  auto* const target = static_cast<std::byte*>(to);
  const auto* const source = static_cast<const std::byte*>(from);
  stream->queue.push_back({nullptr, [=] { copy(target, source, half); }});
  stream->queue.push_back({nullptr, [=] { copy(target + half, source + half, bytes - half); }});
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
  if (!begin_call()) return cudaErrorLaunchFailure;
  stream->queue.push_back({nullptr, [=] { function(argument); }});
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t) {
  return "the simulated device fails";
}

const char* cudaGetErrorName(cudaError_t) {
  return "cudaErrorSimulated";
}

#pragma once
// The part of the CUDA runtime API that trainer/cuda calls, without a device: simulated_cuda.cpp defines the functions
// of <cuda_runtime_api.h>. Streams are queues. What is put into them is done late, and in an order that a seed draws
// from all that streams and events allow: a wait that is missing shows as wrong bytes. The device's memory is not
// readable from the host, a copy is done in two halves between which other streams go on, and fresh memory is garbage.

#include <cstdint>

namespace vernier::simulated_cuda {

// Forgets what streams held, and draws from this seed.
void begin(std::uint64_t seed);

// The k-th call from now on that may fail gives an error (k from 1); 0: none.
void fail_at(std::int64_t call);
std::int64_t calls();  // since begin or fail_at

// Since begin: copies of each direction that were asked for, and waits of the host.
struct Counts {
  std::int64_t to_device = 0, to_host = 0, waits = 0;
};
Counts counts();

// Streams, events and pieces of memory that were made and not given back.
std::int64_t alive();

}  // namespace vernier::simulated_cuda

#pragma once
// What the CUDA runtime lends (CUDA Runtime API, "Stream Management", "Event Management", "Memory Management"), given
// back when it goes out of scope. All belong to the device that is current in the thread that makes them.

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace vernier {

// Error(kResource) with CUDA's own words when `status` is no success; `what` is what was tried: "copying a page".
void require_cuda(cudaError_t status, const char* what);

// Ordered after nothing but what it is told to wait for, also not after the default stream.
class CudaStream {
 public:
  CudaStream();
  ~CudaStream();
  CudaStream(const CudaStream&) = delete;

  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

// A point in a stream. Until the first record, waiting for it waits for nothing.
class CudaEvent {
 public:
  CudaEvent();
  ~CudaEvent();
  CudaEvent(const CudaEvent&) = delete;

  void record(cudaStream_t stream);
  // What comes later in `stream` happens after the point that was last recorded.
  void hold_back(cudaStream_t stream) const;
  // The calling thread sleeps until that point is reached.
  void wait() const;

 private:
  cudaEvent_t event_ = nullptr;
};

// Host memory that copies of a device reach while the host works on; zero at first.
class PinnedMemory {
 public:
  explicit PinnedMemory(std::int64_t bytes);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
};

// Memory of the device; no bytes in particular at first.
class DeviceMemory {
 public:
  explicit DeviceMemory(std::int64_t bytes);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
};

}  // namespace vernier

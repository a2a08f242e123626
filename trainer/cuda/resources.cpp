#include "cuda/resources.h"

#include <cstring>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

namespace {

std::string text_of(std::int64_t bytes) {
  return format_bytes(static_cast<std::uint64_t>(bytes));
}

}  // namespace

void require_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw Error(ErrorKind::kResource,
              str(what, " failed: ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")"), "CUDA");
}

CudaStream::CudaStream() {
  require_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
}

CudaStream::~CudaStream() {
  cudaStreamDestroy(stream_);
}

CudaEvent::CudaEvent() {
  // Blocking: a wait sleeps instead of spinning.
  require_cuda(cudaEventCreateWithFlags(&event_, cudaEventBlockingSync | cudaEventDisableTiming), "making an event");
}

CudaEvent::~CudaEvent() {
  cudaEventDestroy(event_);
}

void CudaEvent::record(cudaStream_t stream) {
  require_cuda(cudaEventRecord(event_, stream), "recording an event");
}

void CudaEvent::hold_back(cudaStream_t stream) const {
  require_cuda(cudaStreamWaitEvent(stream, event_, 0), "ordering a stream");
}

void CudaEvent::wait() const {
  require_cuda(cudaEventSynchronize(event_), "waiting for the device");
}

PinnedMemory::PinnedMemory(std::int64_t bytes) {
  const auto size = static_cast<std::size_t>(bytes);
  void* memory = nullptr;
  require_cuda(cudaHostAlloc(&memory, size, cudaHostAllocDefault),
               str("taking ", text_of(bytes), " of pinned memory").c_str());
  data_ = static_cast<std::byte*>(memory);
  std::memset(data_, 0, size);
}

PinnedMemory::~PinnedMemory() {
  cudaFreeHost(data_);
}

DeviceMemory::DeviceMemory(std::int64_t bytes) {
  void* memory = nullptr;
  require_cuda(cudaMalloc(&memory, static_cast<std::size_t>(bytes)),
               str("taking ", text_of(bytes), " of the device's memory").c_str());
  data_ = static_cast<std::byte*>(memory);
}

DeviceMemory::~DeviceMemory() {
  cudaFree(data_);
}

}  // namespace vernier

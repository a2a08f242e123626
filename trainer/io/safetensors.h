#pragma once
// safetensors (https://github.com/huggingface/safetensors): an 8-byte header length, a JSON header, the tensors' bytes.
// The reader maps the file and checks everything the official parser checks before any tensor is touched.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/float_types.h"
#include "io/file_system.h"

namespace vernier {

struct SafeTensor {
  std::string name;
  Dtype dtype;
  std::vector<std::int64_t> shape;
  std::string_view bytes;

  std::int64_t elements() const;
};

class SafetensorsFile {
 public:
  // Error(kInput) when absent, Error(kIntegrity) when truncated or malformed, with what is wrong and where.
  explicit SafetensorsFile(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;

  const std::string& path() const;
  const std::vector<SafeTensor>& tensors() const;  // in file order
  const SafeTensor* find(const std::string& name) const;
  // As find, but Error(kInput) naming file and tensor when absent.
  const SafeTensor& at(const std::string& name) const;
  const std::map<std::string, std::string>& metadata() const;
  // Tells the kernel that the pages of these bytes are not needed any more.
  void release(std::string_view bytes) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A file written tensor by tensor, so that no more than one lies in memory: declare all, then write each in the order
// that `order` gives (dtype by size descending, then name: the official writer's), then finish.
class SafetensorsWriter {
 public:
  struct Declared {
    std::string name;
    Dtype dtype;
    std::vector<std::int64_t> shape;
  };
  // Creates `path` and writes the header. Errors of all members as io/atomic_file's: Error(kInput) when the place
  // cannot be written to, Error(kResource) on a full or failing disk, with the bytes that are missing. __metadata__
  // holds `metadata` ("format": "pt" is added).
  SafetensorsWriter(const std::string& path, std::vector<Declared> tensors,
                    const std::map<std::string, std::string>& metadata = {}, FileSystem& files = local_file_system());
  ~SafetensorsWriter();  // without finish(): closes and removes the unfinished file

  const std::vector<Declared>& order() const;
  // The next tensor in `order`; may be given in several pieces. Precondition: the sizes add up.
  void write(std::string_view bytes);
  // Flushes to the disk (fsync) and closes.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernier

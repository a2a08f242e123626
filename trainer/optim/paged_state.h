#pragma once
// The states of an optimizer: their layout, and the pages they lie in, all in memory or some of them on a disk. The
// update rules see neither.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "io/page_store.h"
#include "io/safetensors.h"
#include "optim/state_layout.h"

namespace vernier {

struct StatePaging {
  std::optional<std::int64_t> resident_bytes;  // of states in memory, at least two pages; unset: all, without pages
  std::string directory;                       // for what does not fit
  std::int64_t page_bytes = kPageBytes;
};

// The bytes that the states take in memory.
std::int64_t resident_state_bytes(const StateLayout& layout, const StatePaging& paging);

class PagedState {
 public:
  // All zero. Error(kInput), Error(kResource) as io/page_file.h where pages go to a disk.
  PagedState(OptimizerKind kind, std::vector<OptimizedTensor> tensors, const StatePaging& paging);

  // Calls `update` for each page in order with its pieces and bytes, and keeps what it changes.
  using Update = std::function<void(std::span<const UpdatePiece> pieces, std::byte* states)>;
  void update_pages(const Update& update);

  std::int64_t state_bytes() const { return layout_.state_bytes(); }
  std::int64_t resident_bytes() const { return store_->resident_bytes(); }

  // Writes every array of every tensor ("NAME.exp_avg"), page after page, never more than one page at once.
  void save(const std::string& path, const std::map<std::string, std::string>& metadata,
            FileSystem& files = local_file_system()) const;
  // The same from such a file. Error(kInput) naming the tensor that is missing, another's, or of another size.
  void restore(const SafetensorsFile& file);

 private:
  StateLayout layout_;
  std::unique_ptr<PageStore> store_;
};

}  // namespace vernier

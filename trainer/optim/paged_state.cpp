#include "optim/paged_state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/file_pages.h"

namespace vernier {

namespace {

std::int64_t resident_pages(const StateLayout& layout, const StatePaging& paging) {
  if (!paging.resident_bytes) return layout.pages();
  return std::min(layout.pages(), std::max<std::int64_t>(2, *paging.resident_bytes / layout.page_bytes()));
}

std::unique_ptr<PageStore> make_store(const StateLayout& layout, const StatePaging& paging) {
  const std::int64_t resident = resident_pages(layout, paging);
  if (resident == layout.pages()) return std::make_unique<MemoryPages>(layout.pages(), layout.page_bytes());
  return std::make_unique<FilePages>(FilePages::Size{layout.pages(), layout.page_bytes(), resident}, paging.directory);
}

// The page that is being read or written on the host, exchanged when another is asked for.
class OpenPage {
 public:
  OpenPage(PageStore& store, bool changes) : store_(store), changes_(changes) {}
  ~OpenPage() { close(); }
  OpenPage(const OpenPage&) = delete;

  std::byte* at(std::int64_t page) {
    if (page != page_) {
      close();
      bytes_ = store_.acquire_on_host(page);
      page_ = page;
    }
    return bytes_;
  }

 private:
  void close() {
    if (page_ >= 0) store_.release_on_host(std::exchange(page_, -1), changes_);
  }

  PageStore& store_;
  bool changes_;
  std::int64_t page_ = -1;
  std::byte* bytes_ = nullptr;
};

std::string array_name(const OptimizedTensor& tensor, const StateArray& array) {
  return tensor.name + "." + array.name;
}

const SafeTensor& saved_array(const SafetensorsFile& file, const std::string& name, const StateArray& expected) {
  const SafeTensor& saved = file.at(name);
  if (saved.dtype == expected.dtype && saved.elements() == expected.count) return saved;
  throw Error(ErrorKind::kInput,
              str("tensor ", name, " has ", saved.elements(), " x ", dtype_name(saved.dtype), " where ", expected.count,
                  " x ", dtype_name(expected.dtype), " are expected"),
              file.path());
}

}  // namespace

std::int64_t resident_state_bytes(const StateLayout& layout, const StatePaging& paging) {
  return resident_pages(layout, paging) * layout.page_bytes();
}

PagedState::PagedState(OptimizerKind kind, std::vector<OptimizedTensor> tensors, const StatePaging& paging)
    : layout_(kind, std::move(tensors), paging.resident_bytes ? paging.page_bytes : 0),
      store_(make_store(layout_, paging)) {}

void PagedState::update_pages(const Update& update) {
  for (std::int64_t page = 0; page < layout_.pages(); ++page) {
    std::byte* const states = store_->acquire(page);
    update(layout_.page(page), states);
    store_->release(page, true);
  }
}

void PagedState::save(const std::string& path, const std::map<std::string, std::string>& metadata,
                      FileSystem& files) const {
  std::vector<SafetensorsWriter::Declared> declared;
  std::map<std::string, std::pair<std::size_t, std::size_t>> places;  // name -> tensor, array
  for (std::size_t tensor = 0; tensor < layout_.tensors().size(); ++tensor) {
    const OptimizedTensor& named = layout_.tensors()[tensor];
    const StateArrays arrays = state_arrays(layout_.pieces(tensor).front().rule, named.count);
    for (std::size_t array = 0; array < arrays.count; ++array) {
      const std::string name = array_name(named, arrays.arrays[array]);
      declared.push_back({name, arrays.arrays[array].dtype, {arrays.arrays[array].count}});
      places[name] = {tensor, array};
    }
  }
  SafetensorsWriter writer(path, std::move(declared), metadata, files);
  OpenPage open(*store_, false);
  for (const auto& entry : writer.order()) {
    const auto [tensor, array] = places.at(entry.name);
    for (const UpdatePiece& piece : layout_.pieces(tensor)) {
      const StateArray part = state_arrays(piece.rule, piece.count).arrays[array];
      const std::byte* const bytes = open.at(layout_.page_of(piece)) + piece.offset + part.offset;
      writer.write({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(part.bytes())});
    }
  }
  writer.finish();
}

void PagedState::restore(const SafetensorsFile& file) {
  OpenPage open(*store_, true);
  for (std::size_t tensor = 0; tensor < layout_.tensors().size(); ++tensor) {
    const OptimizedTensor& named = layout_.tensors()[tensor];
    for (const UpdatePiece& piece : layout_.pieces(tensor)) {
      const StateArrays whole = state_arrays(piece.rule, named.count), parts = state_arrays(piece.rule, piece.count);
      std::byte* const states = open.at(layout_.page_of(piece)) + piece.offset;
      for (std::size_t array = 0; array < parts.count; ++array) {
        const StateArray& expected = whole.arrays[array];
        const SafeTensor& saved = saved_array(file, array_name(named, expected), expected);
        const StateArray& part = parts.arrays[array];
        // Pieces are whole blocks but for a tensor's last.
        const std::int64_t before = (piece.first - named.first) / part.stride;
        const auto at = static_cast<std::size_t>(before) * dtype_bytes(part.dtype);
        const std::string_view bytes = saved.bytes.substr(at, static_cast<std::size_t>(part.bytes()));
        std::memcpy(states + part.offset, bytes.data(), bytes.size());
        file.release(bytes);
      }
    }
  }
}

}  // namespace vernier

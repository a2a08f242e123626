#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/free_space.h"
#include "io/json.h"
#include "io/open_file.h"
#include "io/safetensors.h"

namespace vernier {
namespace {

// The official writer's order of types: later in its list of types first.
constexpr std::array<Dtype, 10> kTypeOrder = {Dtype::kI64, Dtype::kF64, Dtype::kF32, Dtype::kI32, Dtype::kBF16,
                                              Dtype::kF16, Dtype::kI16, Dtype::kI8,  Dtype::kU8,  Dtype::kBool};

std::ptrdiff_t type_rank(Dtype dtype) {
  return std::find(kTypeOrder.begin(), kTypeOrder.end(), dtype) - kTypeOrder.begin();
}

std::uint64_t tensor_bytes(const SafetensorsWriter::Declared& tensor) {
  std::uint64_t bytes = dtype_bytes(tensor.dtype);
  for (const std::int64_t dimension : tensor.shape) {
    check(dimension >= 0, "a tensor's dimension is negative");
    check(!__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(dimension), &bytes), "a tensor's size overflows");
  }
  return bytes;
}

std::string header_text(const std::vector<SafetensorsWriter::Declared>& tensors,
                        std::map<std::string, std::string> metadata) {
  metadata.emplace("format", "pt");
  Json header = Json::object();
  auto& entries = header.get_ref<Json::object_t&>();
  entries.emplace_back("__metadata__", Json(metadata));
  std::uint64_t offset = 0;
  for (const auto& tensor : tensors) {
    const std::uint64_t end = offset + tensor_bytes(tensor);
    Json entry = Json::object();
    entry["dtype"] = dtype_name(tensor.dtype);
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {offset, end};
    entries.emplace_back(tensor.name, std::move(entry));
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

std::string length_prefix(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i) & 0xFFu));
  return bytes;
}

}  // namespace

struct SafetensorsWriter::State {
  FileSystem& files;
  std::string path;
  std::vector<Declared> order;
  std::uint64_t total;  // bytes of the finished file
  OpenFile file;
  std::uint64_t written = 0;  // bytes so far
  std::size_t current = 0;    // index in `order` of the tensor being written
  std::uint64_t current_left = 0;

  State(FileSystem& disk, std::string where, std::vector<Declared> tensors, std::uint64_t bytes)
      : files(disk),
        path(std::move(where)),
        order(std::move(tensors)),
        total(bytes),
        file(files, path, O_WRONLY | O_CREAT | O_TRUNC) {}
  ~State() {
    if (file.is_open()) abandon();
  }

  // Half a file helps nobody and holds the space that ran out.
  void abandon() {
    struct stat status {};
    const bool regular = file.status(status) == 0 && S_ISREG(status.st_mode);
    file.close();
    if (regular) failure_of([&] { return files.unlink(path); });
  }

  void require(int failure, const char* doing) {
    if (failure == 0) return;
    if (file.is_open()) abandon();
    throw write_error(failure, doing, path, written < total ? total - written : total, total);
  }

  void create() {
    if (!file.is_open()) throw creation_error(file.error(), path, total, files);
    // Asking for all the space now reports a full disk before hours of work; file systems that cannot are left alone.
    if (file.reserve(total) != ENOSPC) return;
    abandon();
    require_free_space(path, total, files);
    throw write_error(ENOSPC, "writing", path, total, total);
  }

  void put(std::string_view bytes) {
    const std::size_t size = bytes.size();
    const int failure = file.write(bytes);
    written += size - bytes.size();
    require(failure, "writing");
  }

  void skip_finished() {
    while (current < order.size() && current_left == 0) {
      ++current;
      current_left = current < order.size() ? tensor_bytes(order[current]) : 0;
    }
  }
};

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::vector<Declared> tensors,
                                     const std::map<std::string, std::string>& metadata, FileSystem& files) {
  std::set<std::string> names;
  for (const Declared& tensor : tensors) {
    check(is_utf8(tensor.name) && tensor.name != "__metadata__", "a tensor's name cannot be written");
    check(names.insert(tensor.name).second, "two tensors have the same name");
  }
  std::sort(tensors.begin(), tensors.end(), [](const Declared& a, const Declared& b) {
    return std::pair(type_rank(a.dtype), std::string_view(a.name)) <
           std::pair(type_rank(b.dtype), std::string_view(b.name));
  });
  const std::string header = header_text(tensors, metadata);
  std::uint64_t total = 8 + header.size();
  for (const Declared& tensor : tensors) total += tensor_bytes(tensor);
  state_ = std::make_unique<State>(files, path, std::move(tensors), total);
  State& state = *state_;
  state.create();
  state.put(length_prefix(header.size()));
  state.put(header);
  state.current_left = state.order.empty() ? 0 : tensor_bytes(state.order.front());
  state.skip_finished();
}

SafetensorsWriter::~SafetensorsWriter() = default;

const std::vector<SafetensorsWriter::Declared>& SafetensorsWriter::order() const {
  return state_->order;
}

void SafetensorsWriter::write(std::string_view bytes) {
  if (bytes.empty()) return;
  check(state_->file.is_open(), "write after finish");
  check(bytes.size() <= state_->current_left, "more bytes than the declared tensor has");
  state_->put(bytes);
  state_->current_left -= bytes.size();
  state_->skip_finished();
}

void SafetensorsWriter::finish() {
  State& state = *state_;
  check(state.file.is_open(), "finish was already called");
  check(state.current == state.order.size(), "finish before every declared tensor was written");
  state.require(state.file.sync(), "flushing to the disk");
  if (const int failure = state.file.close()) {
    failure_of([&] { return state.files.unlink(state.path); });
    state.require(failure, "closing the file");
  }
}

}  // namespace vernier

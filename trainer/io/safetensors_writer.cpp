#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/json.h"
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
  std::string path;
  std::vector<Declared> order;
  int file = -1;
  std::uint64_t total = 0;    // bytes of the finished file
  std::uint64_t written = 0;  // bytes so far
  std::size_t current = 0;    // index in `order` of the tensor being written
  std::uint64_t current_left = 0;

  ~State() {
    if (file >= 0) abandon();
  }

  // Half a file helps nobody and holds the space that ran out.
  void abandon() {
    struct stat status {};
    const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    ::close(std::exchange(file, -1));
    if (regular) ::unlink(path.c_str());
  }

  [[noreturn]] void fail(int code, const char* doing) {
    const std::uint64_t missing = total - written;
    std::string what =
        code == ENOSPC || code == EDQUOT
            ? str("the disk is full: ", missing, " of ", total, " bytes could not be written")
            : str(doing, " failed: ", std::strerror(code), ", ", missing, " of ", total, " bytes are missing");
    if (file >= 0) abandon();
    throw Error(ErrorKind::kResource, what, path, code == ENOSPC ? str("free ", format_bytes(missing)) : "");
  }

  void create() {
    file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) fail(errno, "creating the file");
    // Asking for all the space now reports a full disk before hours of work; file systems that cannot are left alone.
    if (::fallocate(file, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(total)) != 0 && errno == ENOSPC)
      fail_without_room();
  }

  [[noreturn]] void fail_without_room() {
    abandon();
    struct statvfs disk {};
    const bool known = ::statvfs(std::filesystem::absolute(path).parent_path().c_str(), &disk) == 0;
    const std::uint64_t free = known ? std::uint64_t{disk.f_bavail} * disk.f_frsize : 0;
    const std::uint64_t missing = total > free ? total - free : total;
    throw Error(ErrorKind::kResource,
                str("the disk is full: ", total, " bytes are needed, ", free, " are free, ", missing, " are missing"),
                path, str("free ", format_bytes(missing)));
  }

  void put(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(file, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) fail(done < 0 ? errno : EIO, "writing");
      written += static_cast<std::uint64_t>(done);
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  void skip_finished() {
    while (current < order.size() && current_left == 0) {
      ++current;
      current_left = current < order.size() ? tensor_bytes(order[current]) : 0;
    }
  }
};

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::vector<Declared> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : state_(std::make_unique<State>()) {
  std::set<std::string> names;
  for (const Declared& tensor : tensors) {
    check(is_utf8(tensor.name) && tensor.name != "__metadata__", "a tensor's name cannot be written");
    check(names.insert(tensor.name).second, "two tensors have the same name");
  }
  std::sort(tensors.begin(), tensors.end(), [](const Declared& a, const Declared& b) {
    return std::pair(type_rank(a.dtype), std::string_view(a.name)) <
           std::pair(type_rank(b.dtype), std::string_view(b.name));
  });
  State& state = *state_;
  state.path = path;
  state.order = std::move(tensors);
  const std::string header = header_text(state.order, metadata);
  state.total = 8 + header.size();
  for (const Declared& tensor : state.order) state.total += tensor_bytes(tensor);
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
  check(state_->file >= 0, "write after finish");
  check(bytes.size() <= state_->current_left, "more bytes than the declared tensor has");
  state_->put(bytes);
  state_->current_left -= bytes.size();
  state_->skip_finished();
}

void SafetensorsWriter::finish() {
  State& state = *state_;
  check(state.file >= 0, "finish was already called");
  check(state.current == state.order.size(), "finish before every declared tensor was written");
  if (::fsync(state.file) != 0 && errno != EINVAL) state.fail(errno, "flushing to the disk");
  if (::close(std::exchange(state.file, -1)) != 0) state.fail(errno, "closing the file");
}

}  // namespace vernier

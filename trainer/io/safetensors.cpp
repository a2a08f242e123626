#include "io/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/json.h"
#include "io/mapped_file.h"

namespace vernier {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::uint64_t kLengthBytes = 8;
constexpr const char* kTruncatedFix = "the file is damaged or its download was cut short: fetch it again";

// Every element type of the format; those without `ours` are laid out and checked, but cannot be used.
struct StoredType {
  const char* name;
  unsigned bits;
  std::optional<Dtype> ours;
};
constexpr std::array<StoredType, 22> kStoredTypes = {{
    {"BOOL", 8, Dtype::kBool},
    {"F4", 4, {}},
    {"F6_E2M3", 6, {}},
    {"F6_E3M2", 6, {}},
    {"U8", 8, Dtype::kU8},
    {"I8", 8, Dtype::kI8},
    {"F8_E5M2", 8, {}},
    {"F8_E4M3", 8, {}},
    {"F8_E8M0", 8, {}},
    {"F8_E4M3FNUZ", 8, {}},
    {"F8_E5M2FNUZ", 8, {}},
    {"I16", 16, Dtype::kI16},
    {"U16", 16, {}},
    {"F16", 16, Dtype::kF16},
    {"BF16", 16, Dtype::kBF16},
    {"I32", 32, Dtype::kI32},
    {"U32", 32, {}},
    {"F32", 32, Dtype::kF32},
    {"C64", 64, {}},
    {"F64", 64, Dtype::kF64},
    {"I64", 64, Dtype::kI64},
    {"U64", 64, {}},
}};

struct Entry {
  std::string name;
  const StoredType* type;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin, end;
};

class HeaderReader {
 public:
  explicit HeaderReader(const MappedFile& file) : file_(file), bytes_(file.bytes()) {}

  void read(std::vector<SafeTensor>& tensors, std::map<std::string, std::string>& metadata) {
    const Json header = parse();
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__")
        read_metadata(value, metadata);
      else
        entries.push_back(read_entry(name, value));
    }
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    check_layout(entries);
    for (Entry& entry : entries) tensors.push_back(present(entry));
  }

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& fix = "") const {
    throw Error(ErrorKind::kIntegrity, what, file_.path(), fix);
  }

  Json parse() {
    if (bytes_.size() < kLengthBytes)
      fail(str("header too small: ", bytes_.size(), " bytes, a safetensors file has at least 8"), kTruncatedFix);
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i)
      length |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[i])) << (8 * i);
    if (length > kMaxHeaderBytes) fail(str("header too large: ", length, " bytes, at most 100000000 are allowed"));
    if (length > bytes_.size() - kLengthBytes)
      fail(str("invalid header length: the header ends at byte ", kLengthBytes + length, ", the file at byte ",
               bytes_.size()),
           kTruncatedFix);
    data_start_ = kLengthBytes + length;
    const std::string_view text = bytes_.substr(kLengthBytes, length);
    try {
      Json header = parse_json(text, "header");
      if (!header.is_object()) fail("invalid header: not a JSON object");
      return header;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kIntegrity) throw;
      fail(str("invalid header: ", error.message()));
    }
  }

  void read_metadata(const Json& value, std::map<std::string, std::string>& metadata) const {
    if (value.is_null()) return;
    if (!value.is_object()) fail("invalid header: __metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail(str("invalid header: __metadata__ \"", key, "\" is not a string"));
      metadata.emplace(key, text.get<std::string>());
    }
  }

  const Json& field(const std::string& tensor, const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end()) fail(str("invalid header: tensor \"", tensor, "\" has no \"", key, "\""));
    return *found;
  }

  std::vector<std::uint64_t> counts(const std::string& tensor, const Json& value, const char* key) const {
    if (!value.is_array()) fail(str("invalid header: \"", key, "\" of tensor \"", tensor, "\" is not a list"));
    std::vector<std::uint64_t> numbers;
    for (const Json& item : value) {
      if (!item.is_number_unsigned())
        fail(str("invalid header: \"", key, "\" of tensor \"", tensor, "\" holds ", item.dump(), ", not a size"));
      numbers.push_back(item.get<std::uint64_t>());
    }
    return numbers;
  }

  Entry read_entry(const std::string& name, const Json& value) const {
    if (!value.is_object()) fail(str("invalid header: tensor \"", name, "\" is not an object"));
    const Json& type = field(name, value, "dtype");
    if (!type.is_string()) fail(str("invalid header: \"dtype\" of tensor \"", name, "\" is not a string"));
    const auto& type_name = type.get_ref<const std::string&>();
    const auto* const known = std::find_if(kStoredTypes.begin(), kStoredTypes.end(),
                                           [&](const StoredType& stored) { return type_name == stored.name; });
    if (known == kStoredTypes.end())
      fail(str("invalid header: tensor \"", name, "\" has the unknown dtype \"", type_name, "\""));
    Entry entry{name, known, counts(name, field(name, value, "shape"), "shape"), 0, 0};
    const auto offsets = counts(name, field(name, value, "data_offsets"), "data_offsets");
    if (offsets.size() != 2) fail(str("invalid header: \"data_offsets\" of tensor \"", name, "\" are not two numbers"));
    entry.begin = offsets[0];
    entry.end = offsets[1];
    return entry;
  }

  std::uint64_t size_of(const Entry& entry) const {
    std::uint64_t count = 1, bits = 0;
    bool overflow = false;
    for (const std::uint64_t dimension : entry.shape) {
      overflow |= dimension > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      overflow |= __builtin_mul_overflow(count, dimension, &count);
    }
    overflow |= __builtin_mul_overflow(count, std::uint64_t{entry.type->bits}, &bits);
    if (overflow) fail(str("overflow computing the size of tensor \"", entry.name, "\" from its shape and dtype"));
    if (bits % 8 != 0) fail(str("misaligned: tensor \"", entry.name, "\" ends inside a byte"));
    return bits / 8;
  }

  void check_layout(const std::vector<Entry>& entries) const {
    std::uint64_t at = 0;
    for (const Entry& entry : entries) {
      if (entry.begin != at || entry.end < entry.begin)
        fail(str("invalid offset for tensor \"", entry.name, "\": [", entry.begin, ", ", entry.end, "], expected ", at,
                 " as the start"));
      const std::uint64_t size = size_of(entry);
      if (entry.end - entry.begin != size)
        fail(str("invalid shape, dtype or offset for tensor \"", entry.name, "\": ", entry.end - entry.begin,
                 " bytes given, ", size, " needed"));
      at = entry.end;
    }
    const std::uint64_t have = bytes_.size() - data_start_;
    if (at > have) {
      const auto cut = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.end > have; });
      fail(str("truncated: ", at - have, " of ", at, " data bytes are missing, from tensor \"", cut->name, "\" on"),
           kTruncatedFix);
    }
    if (at < have) fail(str("file not fully covered: ", have - at, " bytes after the last tensor"));
  }

  SafeTensor present(Entry& entry) const {
    if (!entry.type->ours)
      throw Error(ErrorKind::kInput,
                  str("tensor \"", entry.name, "\" has type ", entry.type->name, ", which is not supported"),
                  file_.path(), "supported are F32, F16 and BF16 weights: use an unquantized model");
    return {std::move(entry.name),
            *entry.type->ours,
            {entry.shape.begin(), entry.shape.end()},
            bytes_.substr(data_start_ + entry.begin, entry.end - entry.begin)};
  }

  const MappedFile& file_;
  std::string_view bytes_;
  std::uint64_t data_start_ = 0;
};

}  // namespace

std::int64_t SafeTensor::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t dimension : shape) count *= dimension;
  return count;
}

struct SafetensorsFile::State {
  explicit State(const std::string& path) : file(path) {
    HeaderReader(file).read(tensors, metadata);
    for (std::size_t i = 0; i < tensors.size(); ++i) index.emplace(tensors[i].name, i);
  }

  MappedFile file;
  std::vector<SafeTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::unordered_map<std::string, std::size_t> index;
};

SafetensorsFile::SafetensorsFile(const std::string& path) : state_(std::make_unique<State>(path)) {}
SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;

const std::string& SafetensorsFile::path() const {
  return state_->file.path();
}
const std::vector<SafeTensor>& SafetensorsFile::tensors() const {
  return state_->tensors;
}
const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return state_->metadata;
}

const SafeTensor* SafetensorsFile::find(const std::string& name) const {
  const auto found = state_->index.find(name);
  return found == state_->index.end() ? nullptr : &state_->tensors[found->second];
}

const SafeTensor& SafetensorsFile::at(const std::string& name) const {
  const SafeTensor* const tensor = find(name);
  if (tensor == nullptr) throw Error(ErrorKind::kInput, str("tensor \"", name, "\" not found"), path());
  return *tensor;
}

void SafetensorsFile::release(std::string_view bytes) const {
  state_->file.release(bytes);
}

}  // namespace vernier

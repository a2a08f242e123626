#include "io/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/gguf_values.h"
#include "io/mapped_file.h"

namespace vernier {
namespace {

constexpr std::uint32_t kDefaultAlignment = 32;
constexpr std::uint32_t kMaxDimensions = 4;
constexpr std::size_t kMaxTensorName = 63;
constexpr const char* kTypesFix =
    "supported are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1: convert the model, or use the original weights";

// ggml's names of the types that are not read, for the message.
const char* foreign_type_name(std::uint32_t type) {
  static constexpr std::array<std::pair<std::uint32_t, const char*>, 22> kNames = {{
      {9, "Q8_1"},   {10, "Q2_K"},    {11, "Q3_K"},   {12, "Q4_K"},    {13, "Q5_K"},  {14, "Q6_K"},
      {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"},
      {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"}, {24, "I8"},      {25, "I16"},   {26, "I32"},
      {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},  {39, "MXFP4"},
  }};
  for (const auto& [number, name] : kNames)
    if (number == type) return name;
  return nullptr;
}

std::optional<GgmlType> known_type(std::uint32_t type) {
  for (const GgmlType known : {GgmlType::kF32, GgmlType::kF16, GgmlType::kQ4_0, GgmlType::kQ4_1, GgmlType::kQ5_0,
                               GgmlType::kQ5_1, GgmlType::kQ8_0, GgmlType::kBF16})
    if (static_cast<std::uint32_t>(known) == type) return known;
  return std::nullopt;
}

}  // namespace

struct GgufFile::State {
  explicit State(const std::string& path) : file(path), cursor(file.bytes(), file.path()) {
    const auto [tensor_count, value_count] = read_head();
    read_values(value_count);
    std::vector<std::uint64_t> offsets;
    for (std::uint64_t i = 0; i < tensor_count; ++i) offsets.push_back(read_tensor());
    place(offsets);
  }

  std::pair<std::uint64_t, std::uint64_t> read_head();
  void read_values(std::uint64_t count);
  std::uint64_t read_tensor();
  void place(const std::vector<std::uint64_t>& offsets);
  std::uint64_t size_of(const GgufTensor& tensor) const;
  const GgufValue* value(const std::string& key) const;
  [[noreturn]] void wrong_kind(const std::string& key, const char* expected) const;

  MappedFile file;
  GgufCursor cursor;
  std::unordered_map<std::string, GgufValue> values;
  std::vector<GgufTensor> tensors;
  std::unordered_map<std::string, std::size_t> index;
};

std::pair<std::uint64_t, std::uint64_t> GgufFile::State::read_head() {
  constexpr std::string_view kMagic = "GGUF";
  if (file.bytes().substr(0, kMagic.size()) != kMagic.substr(0, file.bytes().size()))
    throw Error(ErrorKind::kInput, "is not a GGUF file: it does not start with \"GGUF\"", file.path());
  cursor.take(kMagic.size(), "the magic");
  const auto version = cursor.read<std::uint32_t>("the version");
  if (version != 2 && version != 3)
    throw Error(ErrorKind::kInput,
                str("GGUF version ", version, " is not supported",
                    version != 0 && (version & 0xFFFFu) == 0 ? ": a big-endian file" : ""),
                file.path(), "supported are versions 2 and 3, little-endian");
  // The least of a tensor's record (name length, a letter, dimensions, type, offset) and of a key with its value.
  constexpr std::uint64_t kLeastTensor = 8 + 1 + 4 + 4 + 8, kLeastValue = 8 + 1 + 4 + 1;
  const std::uint64_t tensor_count = cursor.count(kLeastTensor, "the number of tensors");
  return {tensor_count, cursor.count(kLeastValue, "the number of metadata keys")};
}

void GgufFile::State::read_values(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string key = cursor.text("a metadata key");
    if (key.empty()) cursor.fail("a metadata key is empty");
    if (values.contains(key)) cursor.fail(str("duplicate metadata key \"", key, "\""));
    values.emplace(key, cursor.value(key));
  }
}

std::uint64_t GgufFile::State::read_tensor() {
  GgufTensor tensor{cursor.text("a tensor's name"), GgmlType::kF32, {}, {}};
  if (tensor.name.empty() || tensor.name.size() > kMaxTensorName)
    cursor.fail(str("a tensor's name has ", tensor.name.size(), " bytes, 1 to 63 are allowed"));
  if (!index.emplace(tensor.name, tensors.size()).second) cursor.fail(str("duplicate tensor \"", tensor.name, "\""));
  const auto dimensions = cursor.read<std::uint32_t>("a tensor's dimensions");
  if (dimensions > kMaxDimensions)
    cursor.fail(str("tensor \"", tensor.name, "\" has ", dimensions, " dimensions, at most 4 are allowed"));
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    tensor.shape.push_back(cursor.read<std::int64_t>("a tensor's dimensions"));
    if (tensor.shape.back() < 1)
      cursor.fail(str("tensor \"", tensor.name, "\" has a dimension of ", tensor.shape.back()));
  }
  std::reverse(tensor.shape.begin(), tensor.shape.end());
  const auto type = cursor.read<std::uint32_t>("a tensor's type");
  const std::optional<GgmlType> known = known_type(type);
  if (!known) {
    const char* const name = foreign_type_name(type);
    throw Error(ErrorKind::kInput,
                str("tensor \"", tensor.name, "\" has type ", name != nullptr ? name : str("number ", type).c_str(),
                    ", which is not supported"),
                file.path(), kTypesFix);
  }
  tensor.type = *known;
  tensors.push_back(std::move(tensor));
  return cursor.read<std::uint64_t>("a tensor's offset");
}

std::uint64_t GgufFile::State::size_of(const GgufTensor& tensor) const {
  const GgmlBlock block = ggml_block(tensor.type);
  const std::int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (row % block.elements != 0)
    cursor.fail(str("tensor \"", tensor.name, "\" has rows of ", row, " elements, not a multiple of its block of ",
                    block.elements));
  std::uint64_t count = 1, bytes = 0;
  bool overflow = false;
  for (const std::int64_t dimension : tensor.shape)
    overflow |= __builtin_mul_overflow(count, static_cast<std::uint64_t>(dimension), &count);
  overflow |= count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  overflow |=
      __builtin_mul_overflow(count / static_cast<std::uint64_t>(block.elements), std::uint64_t{block.bytes}, &bytes);
  if (overflow) cursor.fail(str("the size of tensor \"", tensor.name, "\" overflows"));
  return bytes;
}

void GgufFile::State::place(const std::vector<std::uint64_t>& offsets) {
  std::uint64_t alignment = kDefaultAlignment;
  if (const GgufValue* const given = value("general.alignment")) {
    const auto* const number = std::get_if<std::int64_t>(given);
    if (number == nullptr || *number < 1 || !std::has_single_bit(static_cast<std::uint64_t>(*number)))
      cursor.fail("general.alignment is not a power of two");
    alignment = static_cast<std::uint64_t>(*number);
  }
  const std::string_view bytes = file.bytes();
  const auto padded = [&](std::uint64_t size) { return (size + alignment - 1) / alignment * alignment; };
  const std::uint64_t data_start = padded(cursor.offset());
  const std::uint64_t have = bytes.size() > data_start ? bytes.size() - data_start : 0;
  std::uint64_t expected = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    GgufTensor& tensor = tensors[i];
    if (offsets[i] != expected)
      cursor.fail(str("tensor \"", tensor.name, "\" has offset ", offsets[i], ", expected ", expected));
    const std::uint64_t size = size_of(tensor);
    if (expected > have || size > have - expected)
      cursor.fail(str("truncated: tensor \"", tensor.name, "\" needs ", size, " bytes at offset ", expected,
                      " of the data, which has ", have));
    tensor.bytes = bytes.substr(data_start + expected, size);
    expected = padded(expected + size);
  }
}

const GgufValue* GgufFile::State::value(const std::string& key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second;
}

void GgufFile::State::wrong_kind(const std::string& key, const char* expected) const {
  throw Error(ErrorKind::kInput, str("metadata key \"", key, "\" is not ", expected), file.path());
}

GgufFile::GgufFile(const std::string& path) : state_(std::make_unique<State>(path)) {}
GgufFile::~GgufFile() = default;
GgufFile::GgufFile(GgufFile&&) noexcept = default;

const std::string& GgufFile::path() const {
  return state_->file.path();
}
bool GgufFile::has(const std::string& key) const {
  return state_->value(key) != nullptr;
}

std::optional<std::string> GgufFile::text(const std::string& key) const {
  const GgufValue* const value = state_->value(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const text = std::get_if<std::string>(value)) return *text;
  state_->wrong_kind(key, "a string");
}

std::optional<std::int64_t> GgufFile::integer(const std::string& key) const {
  const GgufValue* const value = state_->value(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const number = std::get_if<std::int64_t>(value)) return *number;
  const auto* const number = std::get_if<std::uint64_t>(value);
  if (number != nullptr && *number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return static_cast<std::int64_t>(*number);
  state_->wrong_kind(key, "an integer (of 64 bits with sign)");
}

std::optional<double> GgufFile::number(const std::string& key) const {
  const GgufValue* const value = state_->value(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const number = std::get_if<double>(value)) return *number;
  if (const auto* const number = std::get_if<std::int64_t>(value)) return static_cast<double>(*number);
  if (const auto* const number = std::get_if<std::uint64_t>(value)) return static_cast<double>(*number);
  state_->wrong_kind(key, "a number");
}

std::optional<bool> GgufFile::boolean(const std::string& key) const {
  const GgufValue* const value = state_->value(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const flag = std::get_if<bool>(value)) return *flag;
  state_->wrong_kind(key, "a boolean");
}

std::optional<std::vector<std::string>> GgufFile::texts(const std::string& key) const {
  const GgufValue* const value = state_->value(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const all = std::get_if<std::vector<std::string>>(value)) return *all;
  state_->wrong_kind(key, "an array of strings");
}

std::optional<std::vector<double>> GgufFile::numbers(const std::string& key) const {
  const GgufValue* const value = state_->value(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const all = std::get_if<std::vector<double>>(value)) return *all;
  state_->wrong_kind(key, "an array of floating-point numbers");
}

std::optional<std::vector<std::int64_t>> GgufFile::integers(const std::string& key) const {
  const GgufValue* const value = state_->value(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const all = std::get_if<std::vector<std::int64_t>>(value)) return *all;
  state_->wrong_kind(key, "an array of integers");
}

const std::vector<GgufTensor>& GgufFile::tensors() const {
  return state_->tensors;
}

const GgufTensor* GgufFile::find(const std::string& name) const {
  const auto found = state_->index.find(name);
  return found == state_->index.end() ? nullptr : &state_->tensors[found->second];
}

void GgufFile::release(std::string_view bytes) const {
  state_->file.release(bytes);
}

}  // namespace vernier

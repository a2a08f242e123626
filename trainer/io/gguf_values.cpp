#include "io/gguf_values.h"

#include <limits>
#include <type_traits>

#include "base/text.h"

namespace vernier {
namespace {

enum ValueType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// The fewest bytes that a value takes; 0 for a number that is no type.
std::uint64_t least_bytes(std::uint32_t type) {
  switch (type) {
    case kU8:
    case kI8:
    case kBool:
      return 1;
    case kU16:
    case kI16:
      return 2;
    case kU32:
    case kI32:
    case kF32:
      return 4;
    case kString:
    case kU64:
    case kI64:
    case kF64:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

void GgufCursor::fail(const std::string& what) const {
  throw Error(ErrorKind::kIntegrity, str(what, " (at byte ", at_, ")"), path_,
              "the file is damaged or its download was cut short: fetch it again");
}

std::string_view GgufCursor::take(std::uint64_t count, const char* what) {
  if (count > remaining())
    fail(str("truncated: ", what, " needs ", count, " bytes, the file has ", remaining(), " more"));
  const std::string_view taken = bytes_.substr(at_, count);
  at_ += count;
  return taken;
}

std::string GgufCursor::text(const char* what) {
  const auto length = read<std::uint64_t>(what);
  const std::string_view bytes = take(length, what);
  if (!is_utf8(bytes)) fail(str(what, " is not UTF-8"));
  return std::string(bytes);
}

std::uint64_t GgufCursor::count(std::uint64_t least, const char* what) {
  const auto number = read<std::uint64_t>(what);
  if (number > remaining() / least)
    fail(str(what, ": ", number, " items of at least ", least, " bytes, but only ", remaining(), " bytes follow"));
  return number;
}

bool GgufCursor::flag() {
  const auto byte = read<std::uint8_t>("a boolean");
  if (byte > 1) fail(str("a boolean is ", int{byte}));
  return byte == 1;
}

GgufValue GgufCursor::value(const std::string& key) {
  const auto type = read<std::uint32_t>("a value's type");
  return type == kArray ? array(key) : scalar(type, key);
}

GgufValue GgufCursor::scalar(std::uint32_t type, const std::string& key) {
  constexpr const char* kWhat = "a value";
  switch (type) {
    case kU8:
      return std::int64_t{read<std::uint8_t>(kWhat)};
    case kI8:
      return std::int64_t{read<std::int8_t>(kWhat)};
    case kU16:
      return std::int64_t{read<std::uint16_t>(kWhat)};
    case kI16:
      return std::int64_t{read<std::int16_t>(kWhat)};
    case kU32:
      return std::int64_t{read<std::uint32_t>(kWhat)};
    case kI32:
      return std::int64_t{read<std::int32_t>(kWhat)};
    case kU64:
      return read<std::uint64_t>(kWhat);
    case kI64:
      return read<std::int64_t>(kWhat);
    case kF32:
      return double{read<float>(kWhat)};
    case kF64:
      return read<double>(kWhat);
    case kBool:
      return flag();
    case kString:
      return text("a string value");
    default:
      fail(str("metadata key \"", key, "\" has the unknown value type ", type));
  }
}

template <typename Stored>
std::vector<std::int64_t> GgufCursor::integers(std::uint64_t length) {
  std::vector<std::int64_t> all(length);
  for (std::int64_t& item : all) {
    const auto stored = read<Stored>("an array's element");
    if constexpr (std::is_same_v<Stored, std::uint64_t>)
      if (stored > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail(str("an array's element is ", stored, ": too large"));
    item = static_cast<std::int64_t>(stored);
  }
  return all;
}

GgufValue GgufCursor::array(const std::string& key) {
  const auto type = read<std::uint32_t>("an array's element type");
  const std::uint64_t least = least_bytes(type);
  if (least == 0) fail(str("metadata key \"", key, "\" is an array of the unknown or nested type ", type));
  const std::uint64_t length = count(least, "an array's length");
  switch (type) {
    case kU8:
      return integers<std::uint8_t>(length);
    case kI8:
      return integers<std::int8_t>(length);
    case kU16:
      return integers<std::uint16_t>(length);
    case kI16:
      return integers<std::int16_t>(length);
    case kU32:
      return integers<std::uint32_t>(length);
    case kI32:
      return integers<std::int32_t>(length);
    case kU64:
      return integers<std::uint64_t>(length);
    case kI64:
      return integers<std::int64_t>(length);
    case kString: {
      std::vector<std::string> all(length);
      for (std::string& item : all) item = text("an array's string");
      return all;
    }
    case kBool: {
      std::vector<std::int64_t> all(length);
      for (std::int64_t& item : all) item = flag() ? 1 : 0;
      return all;
    }
    default: {
      std::vector<double> all(length);
      for (double& item : all)
        item = type == kF32 ? double{read<float>("an array's element")} : read<double>("an array's element");
      return all;
    }
  }
}

}  // namespace vernier

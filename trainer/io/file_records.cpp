#include "io/file_records.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "io/open_file.h"
#include "io/read_file.h"

namespace vernier {
namespace {

// Length and hash of the first `limit` bytes of a file, and the lines that end behind them.
struct Part {
  std::uint64_t bytes = 0, xxh3 = 0, lines_after = 0;
};

Part read_part(const std::string& path, std::uint64_t limit) {
  require_regular_file(path);
  const OpenFile file(local_file_system(), path, O_RDONLY | O_NONBLOCK);
  if (!file.is_open()) throw Error(ErrorKind::kInput, str("cannot be opened: ", std::strerror(file.error())), path);
  Part part;
  Xxh3 hash;
  std::string buffer(std::size_t{1} << 16, '\0');
  for (std::uint64_t at = 0;;) {
    std::size_t got = 0;
    if (const int failure = file.read(buffer, at, got))
      throw Error(ErrorKind::kInput, str("cannot be read: ", std::strerror(failure)), path);
    if (got == 0) break;
    const std::string_view piece = std::string_view(buffer).substr(0, got);
    const std::string_view hashed = piece.substr(0, std::min<std::uint64_t>(got, limit - part.bytes));
    const std::string_view after = piece.substr(hashed.size());
    hash.update(hashed);
    part.bytes += hashed.size();
    part.lines_after += static_cast<std::uint64_t>(std::count(after.begin(), after.end(), '\n'));
    at += got;
  }
  part.xxh3 = hash.value();
  return part;
}

const Json* find(const Json& records, const Json& file) {
  const auto it = std::find_if(records.begin(), records.end(), [&](const Json& one) { return one.at("file") == file; });
  return it == records.end() ? nullptr : &*it;
}

std::string change_of(const Json& before, const Json& now) {
  const auto path = now.at("file").get<std::string>();
  const auto had = before.at("bytes").get<std::uint64_t>(), has = now.at("bytes").get<std::uint64_t>();
  if (has < had) return str(path, ": ", had - has, " bytes shorter");
  const Part start = read_part(path, had);
  if (has > had && xxh3_hex(start.xxh3) == before.at("xxh3"))
    return str(path, ": ", count_of(start.lines_after, "line"), start.lines_after == 1 ? " was" : " were", " appended");
  return str(path, ": other bytes within the ", had, " that it had");
}

}  // namespace

Json record_files(const std::vector<std::string>& paths) {
  Json records = Json::array();
  for (const std::string& path : paths) {
    const Part whole = read_part(path, std::numeric_limits<std::uint64_t>::max());
    records.push_back({{"file", path}, {"bytes", whole.bytes}, {"xxh3", xxh3_hex(whole.xxh3)}});
  }
  return records;
}

std::vector<std::string> file_changes(const Json& before, const Json& now) {
  std::vector<std::string> changes;
  if (!before.is_array()) return changes;
  for (const Json& record : now) {
    const Json* old = find(before, record.at("file"));
    if (old == nullptr) {
      changes.push_back(str(record.at("file").get<std::string>(), ": was not among the files"));
    } else if (*old != record) {
      changes.push_back(change_of(*old, record));
    }
  }
  for (const Json& record : before)
    if (find(now, record.at("file")) == nullptr)
      changes.push_back(str(record.at("file").get<std::string>(), ": is no longer among the files"));
  return changes;
}

}  // namespace vernier

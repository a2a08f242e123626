#include "io/checkpoint_manifest.h"

#include <fcntl.h>

#include <cstring>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "io/json_fields.h"
#include "io/open_file.h"
#include "io/read_file.h"

namespace vernier {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kMaxManifestBytes = std::size_t{16} << 20;

std::uint64_t read_hex(const JsonFields& fields) {
  const std::string text = fields.text("xxh3");
  if (text.size() != 16 || text.find_first_not_of("0123456789abcdef") != text.npos)
    fields.fail("xxh3", "expected 16 hex digits");
  return std::stoull(text, nullptr, 16);
}

std::string dump(const Json& json) {
  return json.dump(2, ' ', true) + "\n";
}

// Every byte counts: what was parsed must be written back as the same bytes, and without its sum have that sum.
void require_unchanged(const std::string& text, Json json, const std::string& path) {
  const Error damaged(ErrorKind::kIntegrity, "the manifest is damaged: it does not have its own hash", path);
  if (!json.is_object() || !json.contains("xxh3") || !json["xxh3"].is_string()) throw damaged;
  if (dump(json) != text) throw damaged;
  const std::string sum = json["xxh3"];
  json.erase("xxh3");
  if (xxh3_hex(xxh3_64(dump(json))) != sum) throw damaged;
}

CheckpointManifest::File read_entry(const Json& json, const std::string& path) {
  const JsonFields fields(json, path, ErrorKind::kIntegrity);
  const std::int64_t size = fields.integer("size");
  if (size < 0) fields.fail("size", "is negative");
  const std::string name = fields.text("name");
  if (!is_plain_file_name(name) || name == kManifestName) fields.fail("name", "is no file of a checkpoint");
  return {name, static_cast<std::uint64_t>(size), read_hex(fields)};
}

}  // namespace

std::string manifest_text(const CheckpointManifest& manifest) {
  Json json = Json::object();
  json["format"] = kFormat;
  json["step"] = manifest.step;
  json["files"] = Json::array();
  for (const CheckpointManifest::File& file : manifest.files)
    json["files"].push_back(Json::object({{"name", file.name}, {"size", file.size}, {"xxh3", xxh3_hex(file.xxh3)}}));
  json["xxh3"] = xxh3_hex(xxh3_64(dump(json)));
  return dump(json);
}

CheckpointManifest read_manifest(const std::string& checkpoint_dir, FileSystem& files) {
  const std::string path = checkpoint_dir + "/" + kManifestName;
  std::string text;
  Json json;
  try {
    text = read_file(path, kMaxManifestBytes, files);
    json = parse_json(text, path);
  } catch (const Error& error) {
    throw Error(ErrorKind::kIntegrity, error.what(), error.where());
  }
  require_unchanged(text, json, path);
  const JsonFields fields(json, path, ErrorKind::kIntegrity);
  const std::int64_t format = fields.integer("format");
  if (format != kFormat)
    fields.fail("format", str("this build reads format ", kFormat, ", not ", format), "use the version that wrote it");
  CheckpointManifest manifest{fields.integer("step"), {}};
  if (manifest.step < 0) fields.fail("step", "is negative");
  const Json& entries = fields.at("files");
  if (!entries.is_array()) fields.fail("files", "expected an array");
  std::set<std::string> names;
  for (const Json& file : entries) {
    manifest.files.push_back(read_entry(file, path));
    if (!names.insert(manifest.files.back().name).second) fields.fail("files", "names a file twice");
  }
  return manifest;
}

CheckpointManifest::File sum_file(const std::string& path, const std::string& name, FileSystem& files) {
  require_regular_file(path, files);
  const OpenFile file(files, path, O_RDONLY | O_NONBLOCK);
  if (!file.is_open()) throw Error(ErrorKind::kInput, str("cannot be opened: ", std::strerror(file.error())), path);
  CheckpointManifest::File sum{name};
  Xxh3 hash;
  std::string piece(std::size_t{1} << 16, '\0');
  std::size_t got = 0;
  do {
    if (const int failure = file.read(piece, sum.size, got))
      throw Error(ErrorKind::kInput, str("cannot be read: ", std::strerror(failure)), path);
    hash.update(std::string_view(piece).substr(0, got));
    sum.size += got;
  } while (got > 0);
  sum.xxh3 = hash.value();
  return sum;
}

void verify_file(const std::string& checkpoint_dir, const CheckpointManifest::File& file, FileSystem& files) {
  const std::string path = checkpoint_dir + "/" + file.name;
  CheckpointManifest::File found;
  try {
    found = sum_file(path, file.name, files);
  } catch (const Error& error) {
    throw Error(ErrorKind::kIntegrity, error.what(), path);
  }
  if (found.size != file.size)
    throw Error(ErrorKind::kIntegrity, str("has ", found.size, " bytes, ", file.size, " were written"), path);
  if (found.xxh3 != file.xxh3)
    throw Error(ErrorKind::kIntegrity, "is damaged: its bytes do not have the hash they were written with", path);
}

}  // namespace vernier

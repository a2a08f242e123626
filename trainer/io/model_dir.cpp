#include "io/model_dir.h"

#include <array>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "io/element_convert.h"
#include "io/hub_cache.h"
#include "io/model_source.h"
#include "io/read_file.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 8> kTokenizerFiles = {
    "added_tokens.json",       "chat_template.jinja", "chat_template.json", "merges.txt",
    "special_tokens_map.json", "tokenizer.json",      "tokenizer.model",    "tokenizer_config.json"};

bool path_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// The directory or file that `name` stands for.
std::string resolve(const std::string& name, const std::string& revision) {
  if (name.empty()) throw Error(ErrorKind::kInput, "the base model's name is empty");
  if (path_exists(name)) {
    if (!revision.empty())
      throw Error(ErrorKind::kInput, str("a revision (\"", revision, "\") is given, but this is a local path"), name,
                  "a revision belongs to a hub id: leave it out");
    return name;
  }
  if (!is_hub_id(name) || name.ends_with(".gguf"))
    throw Error(ErrorKind::kInput, "no such model: there is no directory or file of this name", name);
  const std::string cache = hub_cache_directory();
  if (const auto snapshot = find_in_hub_cache(cache, name, revision)) return *snapshot;
  throw Error(ErrorKind::kInput,
              str("no such model: there is no directory or file of this name, and ", cache, " has no model of this id",
                  revision.empty() ? "" : str(" at revision ", revision)),
              name, str("download it: hf download ", name, revision.empty() ? "" : " --revision " + revision));
}

std::unique_ptr<ModelSource> open_source(const std::string& path) {
  if (std::error_code ignored; fs::is_directory(path, ignored)) return open_hf_directory(path);
  const std::string file_name = fs::path(path).filename().string();
  if (file_name.ends_with(".safetensors") || file_name.ends_with(".json") || file_name.ends_with(".bin"))
    throw Error(ErrorKind::kInput, "is one file of a model", path, "name the directory that holds it");
  return open_gguf_model(path);
}

}  // namespace

void hash_file(Sha256& sha, const std::string& name, const std::string& path) {
  const MappedFile file(path);
  sha.update(str(name, '\0', file.bytes().size(), '\0'));
  constexpr std::size_t kPiece = std::size_t{4} << 20;
  for (std::size_t at = 0; at < file.bytes().size(); at += kPiece) {
    const std::string_view piece = file.bytes().substr(at, kPiece);
    sha.update(piece);
    file.release(piece);
  }
}

std::int64_t WeightInfo::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t dimension : shape) count *= dimension;
  return count;
}

struct ModelDir::State {
  State(const std::string& given, const std::string& revision)
      : name(given), path(resolve(given, revision)), source(open_source(path)) {
    const auto& weights = source->weights();
    for (std::size_t i = 0; i < weights.size(); ++i) index.emplace(weights[i].name, i);
  }

  std::string name, path;
  std::unique_ptr<ModelSource> source;
  std::unordered_map<std::string, std::size_t> index;
};

ModelDir::ModelDir(const std::string& name, const std::string& revision)
    : state_(std::make_unique<State>(name, revision)) {}
ModelDir::~ModelDir() = default;
ModelDir::ModelDir(ModelDir&&) noexcept = default;

const std::string& ModelDir::name() const {
  return state_->name;
}
const std::string& ModelDir::path() const {
  return state_->path;
}
const Json& ModelDir::config() const {
  return state_->source->config();
}
const std::vector<WeightInfo>& ModelDir::weights() const {
  return state_->source->weights();
}
std::string ModelDir::weight_list() const {
  return state_->source->weight_list();
}
const GgufFile* ModelDir::gguf() const {
  return state_->source->gguf();
}

const WeightInfo* ModelDir::find(const std::string& weight) const {
  const auto found = state_->index.find(weight);
  return found == state_->index.end() ? nullptr : &weights()[found->second];
}

void ModelDir::read(const WeightInfo& weight, Dtype as, void* out) const {
  check(is_weight_type(as), "weights are read as F32, F16 or BF16");
  const auto found = state_->index.find(weight.name);
  check(found != state_->index.end(), "the weight is not one of this model");
  state_->source->read(found->second, as, out);
}

std::optional<std::string> ModelDir::file(const std::string& file_name) const {
  check(is_plain_file_name(file_name), "a file of the model's own directory");
  if (gguf() != nullptr || !path_exists(fs::path(path()) / file_name)) return std::nullopt;
  return read_file((fs::path(path()) / file_name).string());
}

std::vector<std::string> ModelDir::tokenizer_files() const {
  std::vector<std::string> names;
  if (gguf() != nullptr) return names;
  for (const char* name : kTokenizerFiles)
    if (path_exists(fs::path(path()) / name)) names.emplace_back(name);
  return names;
}

std::string ModelDir::identity() const {
  Sha256 sha;
  state_->source->hash(sha);
  return sha.finish();
}

}  // namespace vernier

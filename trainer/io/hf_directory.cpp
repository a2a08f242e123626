#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/element_convert.h"
#include "io/model_source.h"
#include "io/read_file.h"
#include "io/safetensors.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr const char* kQuantizedFix = "name the original F32, F16 or BF16 model; this program quantizes it itself";

bool present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<std::string> names_ending(const fs::path& directory, std::string_view ending) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored))
    if (entry.path().filename().string().ends_with(ending)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

Json read_config(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  if (!present(path)) {
    std::string fix = "base_model takes a directory with config.json and safetensors, a hub id, or a GGUF file";
    const auto ggufs = names_ending(directory, ".gguf");
    if (!ggufs.empty())
      fix = str("to use the GGUF file in it, name the file: ", (directory / ggufs.front()).string());
    else if (present(directory / "adapter_config.json"))
      fix = "it holds an adapter: name the base model that the adapter was trained on";
    throw Error(ErrorKind::kInput, "no config.json in the model directory", directory.string(), fix);
  }
  Json config = read_json_file(path.string());
  if (!config.is_object()) throw Error(ErrorKind::kInput, "is not a JSON object", path.string());
  return config;
}

// A shard named by the index may be a link only as in the hub's cache: into the directory, or snapshots/X to blobs/.
void require_inside(const fs::path& directory, const fs::path& shard) {
  std::error_code failed;
  const fs::path home = fs::canonical(directory, failed), target = fs::canonical(shard, failed);
  if (failed) throw Error(ErrorKind::kInput, str("cannot be resolved: ", failed.message()), shard.string());
  if (target.parent_path() == home) return;
  const bool snapshot = home.parent_path().filename() == "snapshots";
  if (snapshot && target.parent_path() == home.parent_path().parent_path() / "blobs") return;
  throw Error(ErrorKind::kInput, str("is a link out of the model directory, to ", target.string()), shard.string(),
              "put the file itself into the directory");
}

// Tensor name -> shard's file name.
std::map<std::string, std::string> read_index(const fs::path& directory) {
  const std::string path = (directory / kIndex).string();
  const Json index = read_json_file(path);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() || map->empty())
    throw Error(ErrorKind::kInput, "has no \"weight_map\" of tensor names to files", path);
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !is_plain_file_name(file.get<std::string>()))
      throw Error(ErrorKind::kInput,
                  str("weight_map of tensor \"", tensor, "\" is ", file.dump(), ", not a file name in the directory"),
                  path);
    shards.emplace(tensor, file.get<std::string>());
  }
  return shards;
}

// The names of the files that hold weights, and of the tensors wanted from them (empty: all).
struct WeightFiles {
  std::vector<std::string> files;
  std::map<std::string, std::string> shard_of;
};

WeightFiles find_weight_files(const fs::path& directory) {
  if (present(directory / kSingle)) return {{kSingle}, {}};
  if (present(directory / kIndex)) {
    WeightFiles found{{}, read_index(directory)};
    std::set<std::string> files;
    for (const auto& [tensor, file] : found.shard_of)
      if (files.insert(file).second && !present(directory / file))
        throw Error(ErrorKind::kInput, str("shard is missing: ", kIndex, " names it for tensor \"", tensor, "\""),
                    (directory / file).string(), "fetch the missing file of the model");
    for (const std::string& file : files) require_inside(directory, directory / file);
    found.files.assign(files.begin(), files.end());
    return found;
  }
  std::string fix = "fetch the model's safetensors files";
  if (!names_ending(directory, ".bin").empty() || !names_ending(directory, ".pth").empty())
    fix = "it has weights in PyTorch's pickle format, which is not read: convert them to safetensors";
  throw Error(ErrorKind::kInput, str("no weights in the model directory: neither ", kSingle, " nor ", kIndex),
              directory.string(), fix);
}

bool is_prequantized(const SafeTensor& tensor) {
  const std::string& name = tensor.name;
  return name.find(".weight.quant_state.") != name.npos || name.ends_with(".weight.absmax") ||
         name.ends_with(".weight.quant_map") || name.ends_with(".SCB") || name.ends_with(".qweight") ||
         (name.ends_with(".weight") && (tensor.dtype == Dtype::kU8 || tensor.dtype == Dtype::kI8));
}

class HfDirectory : public ModelSource {
 public:
  explicit HfDirectory(const fs::path& directory) : directory_(directory), config_(read_config(directory)) {
    const WeightFiles found = find_weight_files(directory);
    file_names_ = found.files;
    for (const std::string& name : file_names_) files_.emplace_back((directory / name).string());
    for (std::size_t i = 0; i < files_.size(); ++i)
      for (const SafeTensor& tensor : files_[i].tensors()) add(i, tensor, found);
    require_all(found);
    refuse_quantization_config();
  }

  const Json& config() const override { return config_; }
  const std::vector<WeightInfo>& weights() const override { return weights_; }
  std::string weight_list() const override { return (directory_ / (sharded() ? kIndex : kSingle)).string(); }

  void read(std::size_t index, Dtype as, void* out) const override {
    const auto& [file, tensor] = places_[index];
    const std::size_t from_size = dtype_bytes(tensor->dtype), to_size = dtype_bytes(as);
    const std::size_t step = kPieceBytes / from_size * from_size;
    auto* target = static_cast<char*>(out);
    // Mapped pages count as resident, so they go as soon as a piece is copied.
    std::size_t released = 0;
    for (std::size_t at = 0; at < tensor->bytes.size(); at += step) {
      const std::string_view piece = tensor->bytes.substr(at, step);
      convert_elements(tensor->dtype, piece.data(), piece.size() / from_size, as, target + at / from_size * to_size);
      files_[file].release(tensor->bytes.substr(released, at + piece.size() - released));
      released = at;
    }
  }

  void hash(Sha256& sha) const override {
    std::vector<std::string> names = file_names_;
    names.push_back("config.json");
    if (sharded()) names.push_back(kIndex);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) hash_file(sha, name, (directory_ / name).string());
  }

 private:
  bool sharded() const { return file_names_ != std::vector<std::string>{kSingle}; }

  void add(std::size_t file, const SafeTensor& tensor, const WeightFiles& found) {
    if (!found.shard_of.empty()) {
      const auto wanted = found.shard_of.find(tensor.name);
      if (wanted == found.shard_of.end() || wanted->second != file_names_[file]) return;
    }
    if (is_prequantized(tensor))
      throw Error(ErrorKind::kInput,
                  str("pre-quantized base is not supported yet: tensor \"", tensor.name, "\" of type ",
                      dtype_name(tensor.dtype)),
                  files_[file].path(), kQuantizedFix);
    seen_.insert(tensor.name);
    // Buffers such as position ids or masks are no weights.
    if (!is_weight_type(tensor.dtype)) return;
    weights_.push_back({tensor.name, tensor.dtype, tensor.shape});
    places_.emplace_back(file, &tensor);
  }

  void require_all(const WeightFiles& found) const {
    for (const auto& [tensor, file] : found.shard_of)
      if (!seen_.contains(tensor))
        throw Error(ErrorKind::kIntegrity, str("has no tensor \"", tensor, "\", although ", kIndex, " says so"),
                    (directory_ / file).string(), "the shards are not of one model: fetch it again");
    if (weights_.empty())
      throw Error(ErrorKind::kInput, "the weight files hold no F32, F16 or BF16 tensor", directory_.string());
  }

  void refuse_quantization_config() const {
    const auto found = config_.find("quantization_config");
    if (found == config_.end() || found->is_null()) return;
    const std::string method = found->is_object() ? found->value("quant_method", Json("unknown")).dump() : "unknown";
    throw Error(ErrorKind::kInput,
                str("pre-quantized base is not supported yet: quantization_config with quant_method ", method),
                (directory_ / "config.json").string(), kQuantizedFix);
  }

  fs::path directory_;
  Json config_;
  std::vector<std::string> file_names_;
  std::vector<SafetensorsFile> files_;
  std::vector<WeightInfo> weights_;
  std::vector<std::pair<std::size_t, const SafeTensor*>> places_;
  std::set<std::string> seen_;
};

}  // namespace

std::unique_ptr<ModelSource> open_hf_directory(const std::string& directory) {
  return std::make_unique<HfDirectory>(directory);
}

}  // namespace vernier

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/element_convert.h"
#include "io/gguf_config.h"
#include "io/model_source.h"

namespace vernier {
namespace {

constexpr std::size_t kChunk = 4096;  // elements decoded at once; a multiple of every block
constexpr std::size_t kReleaseBytes = std::size_t{1} << 20;

Dtype stored_dtype(GgmlType type) {
  return type == GgmlType::kF32 ? Dtype::kF32 : type == GgmlType::kF16 ? Dtype::kF16 : Dtype::kBF16;
}

struct Place {
  const GgufTensor* tensor;
  RowOrder rows;
  std::int64_t head_rows;  // rows of one head, when interleaved

  // Where the stored row goes in Hugging Face's order.
  std::int64_t row(std::int64_t stored) const {
    if (rows == RowOrder::kSame) return stored;
    const std::int64_t head = stored / head_rows, inside = stored % head_rows;
    return head * head_rows + inside % 2 * (head_rows / 2) + inside / 2;
  }
};

class GgufModel : public ModelSource {
 public:
  explicit GgufModel(const std::string& path) : file_(path), hyper_(file_) {
    const auto& tensors = file_.tensors();
    quantized_ = std::any_of(tensors.begin(), tensors.end(),
                             [](const GgufTensor& tensor) { return ggml_block(tensor.type).elements > 1; });
    const GgufTensor* const embedding = file_.find("token_embd.weight");
    const Dtype dtype = embedding == nullptr ? Dtype::kBF16 : presented(*embedding);
    config_ = gguf_config(file_, hyper_,
                          dtype == Dtype::kF32   ? "float32"
                          : dtype == Dtype::kF16 ? "float16"
                                                 : "bfloat16");
    for (const GgufTensor& tensor : tensors) add(tensor);
  }

  const Json& config() const override { return config_; }
  const std::vector<WeightInfo>& weights() const override { return weights_; }
  std::string weight_list() const override { return file_.path(); }
  const GgufFile* gguf() const override { return &file_; }

  void read(std::size_t index, Dtype as, void* out) const override {
    const Place& place = places_[index];
    const GgufTensor& tensor = *place.tensor;
    const std::int64_t count = weights_[index].elements();
    const std::int64_t row = place.rows == RowOrder::kSame ? count : tensor.shape.back();
    const GgmlBlock block = ggml_block(tensor.type);
    const std::size_t row_bytes = static_cast<std::size_t>(row / block.elements) * block.bytes;
    std::size_t released = 0;
    for (std::int64_t stored = 0; stored < count / row; ++stored) {
      const std::size_t offset = static_cast<std::size_t>(place.row(stored) * row) * dtype_bytes(as);
      read_row(tensor, static_cast<std::size_t>(stored) * row_bytes, row, as, static_cast<char*>(out) + offset,
               released);
    }
    file_.release(tensor.bytes.substr(released));
  }

  void hash(Sha256& sha) const override { hash_file(sha, "model.gguf", file_.path()); }

 private:
  Dtype presented(const GgufTensor& tensor) const { return quantized_ ? Dtype::kBF16 : stored_dtype(tensor.type); }

  void add(const GgufTensor& tensor) {
    GgufWeightName name = gguf_weight_name(file_, hyper_, tensor.name);
    if (name.name.empty()) return;
    Place place{&tensor, name.rows, 0};
    if (name.rows == RowOrder::kInterleaved) {
      if (tensor.shape.size() != 2 || tensor.shape[0] % (2 * name.heads) != 0)
        throw Error(ErrorKind::kInput,
                    str("tensor \"", tensor.name, "\" has rows that are not pairs of ", name.heads, " heads"),
                    file_.path());
      place.head_rows = tensor.shape[0] / name.heads;
    }
    weights_.push_back({std::move(name.name), presented(tensor), tensor.shape});
    places_.push_back(place);
  }

  // Decodes `count` elements from byte `from` on, in chunks; the model's own type comes before the asked one.
  void read_row(const GgufTensor& tensor, std::size_t from, std::int64_t count, Dtype as, char* out,
                std::size_t& released) const {
    const GgmlBlock block = ggml_block(tensor.type);
    std::array<float, kChunk> values;
    for (std::int64_t done = 0; done < count; done += static_cast<std::int64_t>(kChunk)) {
      const auto part = std::min<std::int64_t>(kChunk, count - done);
      const std::size_t at = from + static_cast<std::size_t>(done / block.elements) * block.bytes;
      ggml_dequantize(tensor.type, tensor.bytes.data() + at, part, values.data());
      if (quantized_)
        for (std::size_t i = 0; i < static_cast<std::size_t>(part); ++i)
          values[i] = bf16_to_f32(f32_to_bf16(values[i]));
      narrow(values.data(), static_cast<std::size_t>(part), as, out + static_cast<std::size_t>(done) * dtype_bytes(as));
      // Mapped pages count as resident, so they go as soon as they are read.
      if (at - released < kReleaseBytes) continue;
      file_.release(tensor.bytes.substr(released, at - released));
      released = at;
    }
  }

  GgufFile file_;
  GgufHyper hyper_;
  bool quantized_ = false;
  Json config_;
  std::vector<WeightInfo> weights_;
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<ModelSource> open_gguf_model(const std::string& path) {
  return std::make_unique<GgufModel>(path);
}

}  // namespace vernier

#include "tensor/tensor_files.h"

#include <ATen/ops/empty.h>

#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"

namespace vernier {

namespace {

constexpr std::pair<Dtype, at::ScalarType> kTypes[] = {
    {Dtype::kF32, at::kFloat}, {Dtype::kF16, at::kHalf}, {Dtype::kBF16, at::kBFloat16}, {Dtype::kU8, at::kByte},
    {Dtype::kI32, at::kInt},   {Dtype::kI64, at::kLong}, {Dtype::kF64, at::kDouble},
};

Dtype file_type(at::ScalarType type) {
  for (const auto& [file, torch] : kTypes)
    if (torch == type) return file;
  check(false, "a tensor type that files hold");
  return Dtype::kF32;
}

at::ScalarType memory_type(const SafeTensor& tensor) {
  for (const auto& [file, torch] : kTypes)
    if (file == tensor.dtype) return torch;
  throw Error(ErrorKind::kInput, str("tensors of type ", dtype_name(tensor.dtype), " are not read"), tensor.name);
}

std::string shape_text(at::IntArrayRef shape) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : shape) sizes.push_back(str(size));
  return "[" + join(sizes, ", ") + "]";
}

}  // namespace

void write_tensors(const std::string& path, const NamedTensors& tensors,
                   const std::map<std::string, std::string>& metadata, FileSystem& files) {
  std::vector<SafetensorsWriter::Declared> declared;
  std::map<std::string, at::Tensor> by_name;
  for (const auto& [name, tensor] : tensors) {
    check(tensor.is_contiguous(), "contiguous tensors are written");
    declared.push_back({name, file_type(tensor.scalar_type()), tensor.sizes().vec()});
    by_name[name] = tensor;
  }
  SafetensorsWriter writer(path, declared, metadata, files);
  for (const auto& entry : writer.order()) {
    const at::Tensor& tensor = by_name[entry.name];
    writer.write({static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()});
  }
  writer.finish();
}

at::Tensor read_tensor(const SafeTensor& tensor) {
  at::Tensor out = at::empty(tensor.shape, memory_type(tensor));
  if (!tensor.bytes.empty()) std::memcpy(out.data_ptr(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

void read_f32_into(const SafetensorsFile& file, const std::string& name, const at::Tensor& out) {
  const at::Tensor tensor = read_tensor(file.at(name));
  if (tensor.sizes() != out.sizes())
    throw Error(ErrorKind::kInput,
                str("tensor ", name, " has shape ", shape_text(tensor.sizes()), " where ", shape_text(out.sizes()),
                    " is expected"),
                file.path());
  out.copy_(tensor);
}

}  // namespace vernier

#pragma once
// at::Tensor to safetensors files and back.

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "io/safetensors.h"

namespace vernier {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// Writes contiguous CPU tensors of types f32, f16, bf16, i32, i64 or u8.
void write_tensors(const std::string& path, const NamedTensors& tensors,
                   const std::map<std::string, std::string>& metadata = {}, FileSystem& files = local_file_system());

// A copy of one tensor of a file in its own type.
at::Tensor read_tensor(const SafeTensor& tensor);

// Copies a tensor of the file into `out` (f32), converting from f16 or bf16. Error(kInput) naming the file when it is
// absent or has another shape.
void read_f32_into(const SafetensorsFile& file, const std::string& name, const at::Tensor& out);

}  // namespace vernier

#pragma once
// The keys by the part of the program they are for; keys.cpp puts them together. One function a heading of the
// reference.

#include <vector>

#include "config/keys.h"

namespace vernier {

std::vector<Key> model_keys();
std::vector<Key> quantization_keys();
std::vector<Key> lora_keys();
std::vector<Key> data_keys();
std::vector<Key> batch_keys();
std::vector<Key> optimizer_keys();
std::vector<Key> length_keys();
std::vector<Key> evaluation_keys();
std::vector<Key> output_keys();
std::vector<Key> device_keys();

}  // namespace vernier

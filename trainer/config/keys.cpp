#include "config/keys.h"

#include <map>
#include <utility>

#include "base/check.h"
#include "config/key_sections.h"

namespace vernier {

namespace {

std::vector<Key> all_keys() {
  std::vector<Key> all;
  const auto add = [&](const char* section, std::vector<Key> part) {
    for (Key& key : part) {
      key.section = section;
      all.push_back(std::move(key));
    }
  };
  add("Model", model_keys());
  add("Quantization", quantization_keys());
  add("LoRA", lora_keys());
  add("Data", data_keys());
  add("Batches", batch_keys());
  add("Optimizer", optimizer_keys());
  add("Length of the run", length_keys());
  add("Evaluation", evaluation_keys());
  add("Output", output_keys());
  add("Machine", device_keys());
  return all;
}

std::map<std::string, FoundKey, std::less<>> index_keys(const std::vector<Key>& all) {
  std::map<std::string, FoundKey, std::less<>> index;
  for (const Key& key : all) {
    check(index.emplace(key.name, FoundKey{&key, nullptr}).second, "a key's name is in the list once");
    for (const Alias& alias : key.aliases)
      check(index.emplace(alias.name, FoundKey{&key, &alias}).second, "an alias is in the list once");
  }
  return index;
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> list = all_keys();
  return list;
}

FoundKey find_key(std::string_view name) {
  static const auto index = index_keys(keys());
  const auto it = index.find(name);
  return it == index.end() ? FoundKey{} : it->second;
}

}  // namespace vernier

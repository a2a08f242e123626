#include "spec/lora_targets.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

namespace {

std::string short_name(Linear linear) {
  return split(linear_name(linear), '.').back();
}

std::string known_linears(const ModelSpec& spec) {
  std::vector<std::string> names;
  for (const Linear linear : kLinears) names.push_back(short_name(linear));
  return str("this model's linears: ", join(names, ", "), " (as model.layers.0..", spec.layers - 1, ".",
             linear_name(Linear::kQ), " and so on), or all-linear");
}

bool names_module(const std::string& name, const std::string& path) {
  return path == name || ends_with(path, "." + name);
}

std::regex compile(const std::string& pattern) {
  try {
    return std::regex(pattern, std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    throw Error(ErrorKind::kInput, str("\"", pattern, "\" is not a regular expression: ", error.what()),
                "lora_target_modules");
  }
}

template <typename Matches>
std::vector<LoraTarget> select(const ModelSpec& spec, const Matches& matches) {
  std::vector<LoraTarget> targets;
  for (std::int64_t layer = 0; layer < spec.layers; ++layer)
    for (const Linear linear : kLinears)
      if (matches(module_path(layer, linear))) targets.push_back({layer, linear});
  return targets;
}

[[noreturn]] void no_match(const ModelSpec& spec, const std::string& what) {
  std::vector<std::string> names;
  for (const Linear linear : kLinears) names.push_back(short_name(linear));
  const std::string near = nearest_name(what, names);
  throw Error(ErrorKind::kInput, str("\"", what, "\" matches no linear of the model"), "lora_target_modules",
              (near.empty() ? "" : str("did you mean ", near, "? ")) + known_linears(spec));
}

}  // namespace

std::vector<LoraTarget> match_lora_targets(const ModelSpec& spec, const LoraConfig& lora) {
  if (const auto* regex = std::get_if<LoraConfig::Regex>(&lora.target_modules)) {
    const std::regex pattern = compile(regex->pattern);
    auto targets = select(spec, [&](const std::string& path) { return std::regex_match(path, pattern); });
    if (targets.empty()) no_match(spec, regex->pattern);
    return targets;
  }
  if (const auto* names = std::get_if<LoraConfig::Names>(&lora.target_modules)) {
    if (names->empty())
      throw Error(ErrorKind::kInput, "an empty list trains nothing", "lora_target_modules", known_linears(spec));
    for (const std::string& name : *names)
      if (select(spec, [&](const std::string& path) { return names_module(name, path); }).empty()) no_match(spec, name);
    return select(spec, [&](const std::string& path) {
      return std::any_of(names->begin(), names->end(),
                         [&](const std::string& name) { return names_module(name, path); });
    });
  }
  return select(spec, [](const std::string&) { return true; });
}

std::int64_t lora_parameters(const ModelSpec& spec, const std::vector<LoraTarget>& targets, std::int64_t r) {
  std::int64_t total = 0;
  for (const LoraTarget& target : targets)
    total += r * (linear_in(spec, target.linear) + linear_out(spec, target.linear));
  return total;
}

double lora_scaling(const LoraConfig& lora) {
  const auto r = static_cast<double>(lora.r);
  return lora.alpha / (lora.use_rslora ? std::sqrt(r) : r);
}

}  // namespace vernier

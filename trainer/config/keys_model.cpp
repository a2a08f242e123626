#include <variant>

#include "config/key_sections.h"
#include "config/key_types.h"

namespace vernier {

using namespace key_types;

std::vector<Key> model_keys() {
  return {
      text_key(
          {"base_model",
           {{"model_name_or_path", "LLaMA-Factory, TRL"}, {"model", "Unsloth"}},
           "The model to fine-tune: a Hugging Face directory, a GGUF file, or a hub id that is in the local Hugging "
           "Face cache.",
           "required"},
          "a path or a hub id", [](auto& c) -> auto& { return c.model.base_model; }),
      text_key(
          {"revision_of_model",
           {{"model_revision", "LLaMA-Factory, TRL"}},
           "The revision of a hub id: a branch, a tag or a commit.",
           "main"},
          "text", [](auto& c) -> auto& { return c.model.revision_of_model; }),
  };
}

std::vector<Key> quantization_keys() {
  return {
      word_key<>({"adapter",
                  {},
                  "qlora: the base's linear layers are frozen in 4 bits; lora: the base is frozen as it is.",
                  "qlora, or lora with load_in_4bit: false"},
                 [](auto& c) -> auto& { return c.adapter; },
                 std::vector<Word<Adapter>>{{"qlora", Adapter::kQlora}, {"lora", Adapter::kLora}},
                 {{"full", "full fine-tuning is not built"}, {"llama-adapter", "only LoRA adapters are built"}}),
      bool_key(
          {"load_in_4bit", {}, "Quantize the base to NF4 while it is loaded.", "true, or false with adapter: lora"},
          [](auto& c) -> auto& { return c.quantization.load_in_4bit; }),
      fixed_key({"bnb_4bit_quant_type",
                 {{"quantization_type", "LLaMA-Factory"}},
                 "The 4-bit type: NF4, in bitsandbytes' layout."},
                {"nf4"}, "nf4", "only NF4 is built"),
      bool_key(
          {"bnb_4bit_use_double_quant",
           {{"double_quantization", "LLaMA-Factory"}, {"use_bnb_nested_quant", "TRL"}},
           "Quantize the scales of the 4-bit blocks too: about 0.4 bits less a weight."},
          [](auto& c) -> auto& { return c.quantization.double_quant; }),
      word_key<>(
          {"bnb_4bit_blocksize", {}, "Weights that share one scale."},
          [](auto& c) -> auto& { return c.quantization.blocksize; },
          std::vector<Word<std::int64_t>>{{"32", 32},
                                          {"64", 64},
                                          {"128", 128},
                                          {"256", 256},
                                          {"512", 512},
                                          {"1024", 1024},
                                          {"2048", 2048},
                                          {"4096", 4096}}),
  };
}

namespace {

bool is_name_list(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-., ").find(c) != std::string_view::npos;
  });
}

void read_target_names(const YamlNode& list, LoraConfig& lora, Report& report) {
  LoraConfig::Names names;
  for (const YamlNode& item : list.items) {
    if (!item.is_scalar() || item.text.empty()) {
      refuse_value("lora_target_modules", item, "the name of a module", report);
    } else if (std::find(names.begin(), names.end(), item.text) != names.end()) {
      report.problem("lora_target_modules: " + shown(item) + " is in the list twice", item.place);
    } else {
      names.push_back(item.text);
    }
  }
  if (list.items.empty())
    report.problem("lora_target_modules: the list is empty", list.place, "name modules, or use all-linear");
  lora.target_modules = names;
}

// A text is `all-linear`, names with commas (LLaMA-Factory, Unsloth), or PEFT's regular expression over full names.
void read_targets(const YamlNode& node, Config& config, Report& report) {
  if (node.is_sequence()) {
    read_target_names(node, config.lora, report);
  } else if (!node.is_scalar()) {
    refuse_value("lora_target_modules", node, "a list of names, a regular expression, or all-linear", report);
  } else if (node.text == "all-linear") {
    config.lora.target_modules = LoraConfig::AllLinear{};
  } else if (is_name_list(node.text)) {
    YamlNode list;
    list.kind = YamlNode::Kind::kSequence;
    list.place = node.place;
    for (const std::string& name : split(node.text, ',')) {
      YamlNode item = node;
      item.text = trim(name);
      list.items.push_back(item);
    }
    read_target_names(list, config.lora, report);
  } else {
    config.lora.target_modules = LoraConfig::Regex{node.text};
  }
}

std::string write_targets(const Config& config) {
  const auto& targets = config.lora.target_modules;
  if (const auto* regex = std::get_if<LoraConfig::Regex>(&targets)) return yaml_text(regex->pattern);
  if (const auto* names = std::get_if<LoraConfig::Names>(&targets)) {
    std::string list;
    for (const std::string& name : *names) list += (list.empty() ? "[" : ", ") + yaml_text(name);
    return list + "]";
  }
  return "all-linear";
}

Key targets_key() {
  Key key = make_key({"lora_target_modules",
                      {{"target_modules", "PEFT, Unsloth"}},
                      "Which linear layers are adapted: names as the last part of a module's full name ([q_proj, "
                      "v_proj]), one regular expression that a full name must match, or all-linear: every linear layer "
                      "but the head."},
                     "a list of names, a regular expression, or all-linear", read_targets, write_targets);
  key.takes_yaml = true;
  return key;
}

}  // namespace

std::vector<Key> lora_keys() {
  return {
      integer_key({"lora_r", {{"lora_rank", "LLaMA-Factory"}, {"r", "PEFT"}}, "The rank of the adapter's matrices."},
                  [](auto& c) -> auto& { return c.lora.r; }, {1, 65536}),
      number_key(
          {"lora_alpha", {}, "The adapter's scale: alpha / rank, or alpha / sqrt(rank) with use_rslora.", "2 * lora_r"},
          [](auto& c) -> auto& { return c.lora.alpha; }, {.low = 0, .low_open = true}),
      number_key({"lora_dropout", {}, "The share of the adapter's inputs set to 0 while training."},
                 [](auto& c) -> auto& { return c.lora.dropout; }, {.low = 0, .high = 1, .high_open = true}),
      bool_key(
          {"use_rslora", {{"peft_use_rslora", "Axolotl"}}, "Scale by sqrt(rank) instead of rank (Kalajdzievski 2023)."},
          [](auto& c) -> auto& { return c.lora.use_rslora; }),
      targets_key(),
      text_key(
          {"lora_model_dir",
           {{"adapter_name_or_path", "LLaMA-Factory"}},
           "A PEFT adapter directory whose weights training starts from.",
           "a new adapter"},
          "a path", [](auto& c) -> auto& { return c.lora.lora_model_dir; }),
  };
}

}  // namespace vernier

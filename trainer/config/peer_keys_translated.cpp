#include "config/peer_keys.h"

namespace vernier {

namespace {

constexpr const char* kAxolotl = "Axolotl";
constexpr const char* kLlamaFactory = "LLaMA-Factory";
constexpr const char* kTrl = "TRL";

PeerKey translated(std::string name, std::string peer, std::string canonical,
                   std::vector<std::pair<std::string, std::string>> values, std::string reason) {
  PeerKey key;
  key.kind = PeerKey::Kind::kTranslated;
  key.name = std::move(name);
  key.peer = std::move(peer);
  key.text = std::move(reason);
  key.canonical = std::move(canonical);
  key.values = std::move(values);
  return key;
}

PeerKey inverted(std::string name, std::string peer, std::string canonical) {
  return translated(std::move(name), std::move(peer), std::move(canonical), {{"true", "false"}, {"false", "true"}},
                    "the value is true or false");
}

}  // namespace

std::vector<PeerKey> translated_peer_keys() {
  std::vector<PeerKey> list = {
      translated("quantization_bit", kLlamaFactory, "load_in_4bit", {{"4", "true"}, {"none", ""}},
                 "only 4-bit quantization is built"),
      inverted("disable_gradient_checkpointing", kLlamaFactory, "gradient_checkpointing"),
      inverted("disable_shuffling", kLlamaFactory, "shuffle"),
      inverted("assistant_only_loss", kTrl, "train_on_inputs"),
      inverted("completion_only_loss", kTrl, "train_on_inputs"),
      translated("lora_target_linear", kAxolotl, "lora_target_modules", {{"true", "all-linear"}, {"false", ""}},
                 "the value is true or false"),
      translated("auto_resume_from_checkpoints", kAxolotl, "resume_from_checkpoint", {{"true", "true"}, {"false", ""}},
                 "the value is true or false"),
      translated("lora_target", kLlamaFactory, "lora_target_modules", {{"all", "all-linear"}}, ""),
      translated("bnb_4bit_compute_dtype", "bitsandbytes", "bf16",
                 {{"bfloat16", "true"},
                  {"bf16", "true"},
                  {"torch.bfloat16", "true"},
                  {"float32", "false"},
                  {"fp32", "false"},
                  {"f32", "false"},
                  {"torch.float32", "false"},
                  {"auto", "auto"}},
                 "the base computes in bfloat16 or float32; float16 is not built"),
  };
  for (PeerKey& key : list)
    if (key.name == "lora_target") key.others_pass = true;
  return list;
}

}  // namespace vernier

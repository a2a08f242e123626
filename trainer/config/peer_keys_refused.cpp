#include "config/peer_keys.h"

namespace vernier {

namespace {

using Words = std::vector<std::string>;

void add(std::vector<PeerKey>& list, const char* peer, std::vector<std::string> names, const char* reason,
         const Words& accepted = {}) {
  for (std::string& name : names) {
    PeerKey key;
    key.kind = PeerKey::Kind::kRefused;
    key.name = std::move(name);
    key.peer = peer;
    key.text = reason;
    key.accepted = accepted;
    list.push_back(key);
  }
}

const char* const kAll = "Axolotl, LLaMA-Factory, TRL";
const Words kOff = {"false", "0", "none"};

void add_model(std::vector<PeerKey>& list) {
  add(list, kAll, {"load_in_8bit"}, "8-bit quantization is not built; use load_in_4bit", kOff);
  add(list, "LLaMA-Factory", {"quantization_method", "quantization_bnb_type"}, "only bitsandbytes' NF4 is built",
      {"bnb", "bitsandbytes", "bitsandbytes_4bit", "nf4"});
  add(list, "Axolotl", {"gptq", "gptq_disable_exllama", "load_in_gptq"}, "GPTQ bases are not built", kOff);
  add(list, "LLaMA-Factory", {"finetuning_type"}, "only LoRA is built", {"lora"});
  add(list, "LLaMA-Factory", {"stage"}, "only supervised fine-tuning is built", {"sft"});
  add(list, kAll, {"use_dora", "peft_use_dora"}, "DoRA is not built", kOff);
  add(list, kAll, {"lora_modules_to_save", "modules_to_save", "additional_target"},
      "training whole modules beside the adapter is not built");
  add(list, "PEFT", {"bias", "lora_bias"}, "biases are not trained", {"none", "false"});
  add(list, "PEFT", {"init_lora_weights", "peft_init_lora_weights"}, "only PEFT's default initialization is built",
      {"true", "default"});
  add(list, kAll,
      {"use_loftq", "loftq_config", "peft", "pissa_init", "pissa_iter", "pissa_convert", "loraplus_*", "use_galore",
       "use_apollo", "use_badam", "use_oft", "lora_fan_in_fan_out", "fan_in_fan_out"},
      "this variant is not built", kOff);
  add(list, kAll, {"relora*", "jagged_restart_*"}, "ReLoRA is not built", kOff);
  add(list, kAll,
      {"layers_to_transform", "lora_layers_to_transform", "peft_layers_to_transform", "peft_layers_pattern",
       "layers_pattern", "rank_pattern", "alpha_pattern", "exclude_modules", "target_parameters",
       "lora_target_parameters", "unfrozen_parameters", "freeze_*", "lisa_*", "llama_pro_*"},
      "choosing layers in this way is not built; lora_target_modules takes a regular expression over full names");
  add(list, kAll,
      {"rope_scaling", "rope_theta", "overrides_of_model_config", "model_config", "shift_attn", "s2_attention",
       "noisy_embedding_alpha", "neftune_noise_alpha", "resize_vocab", "resize_token_embeddings_to_32x",
       "mixture_of_depths", "shrink_embeddings", "embeddings_skip_upcast"},
      "changing the base model is not built", kOff);
  add(list, "Axolotl", {"base_model_config", "tokenizer_config"}, "config and tokenizer are read from base_model");
  add(list, "Axolotl", {"special_tokens.*", "tokens", "added_tokens_overrides"}, "changing the tokenizer is not built");
  add(list, "LLaMA-Factory, TRL", {"add_tokens", "add_special_tokens", "new_special_tokens", "eos_token"},
      "changing the tokenizer is not built");
  add(list, "Axolotl", {"plugins"}, "plugins are not built",
      {"axolotl.integrations.liger.ligerplugin", "axolotl.integrations.cut_cross_entropy.cutcrossentropyplugin"});
}

void add_data(std::vector<PeerKey>& list) {
  add(list, "LLaMA-Factory", {"dataset", "dataset_dir", "dataset_info"},
      "data sets are given by their files: datasets: [{path: FILE, type: alpaca}]");
  add(list, "TRL", {"dataset_name", "dataset_config", "dataset_train_split", "dataset_test_split", "train_file"},
      "data sets are given by their files: datasets: [{path: FILE, type: chat_template}]");
  add(list, "LLaMA-Factory, TRL", {"eval_dataset", "eval_file"}, "use test_datasets: [{path: FILE, type: TYPE}]");
  add(list, "TRL", {"dataset_text_field"}, "use field in an entry of datasets with type: completion");
  add(list, "LLaMA-Factory", {"max_samples"}, "using a part of the rows is not built; cut the file");
  add(list, "LLaMA-Factory", {"template"},
      "LLaMA-Factory's own templates are not here: remove this line to use the model's template, or set chat_template",
      {"none"});
  add(list, kAll, {"chat_template_jinja", "chat_template_path"},
      "write the template to a file and give its path: chat_template: template.jinja");
  add(list, kAll,
      {"default_system_message", "default_system", "tool_format", "enable_thinking", "reasoning_effort", "eot_tokens",
       "train_on_eot"},
      "changing what the template writes is not built");
  add(list, "LLaMA-Factory", {"mask_history"}, "training on the last turn only is not built", kOff);
  add(list, "LLaMA-Factory", {"neat_packing"}, "packing is not built yet, and batches have no padding without it",
      kOff);
  add(list, kAll,
      {"streaming", "dataloader_drop_last", "pretraining_dataset", "group_by_length", "length_column_name",
       "curriculum_sampling", "mix_strategy", "interleave_probs", "buffer_size", "sample_packing_*", "packing_strategy",
       "dataset_exact_deduplication", "eval_on_each_dataset", "skip_prepare_dataset_checks"},
      "another way of reading or ordering the rows is not built; rows are shuffled evenly", kOff);
  add(list, "Axolotl, Unsloth", {"batch_size"},
      "it means all rows of a step in one program and of a pass in another: set micro_batch_size and "
      "gradient_accumulation_steps");
  add(list, kAll, {"data_seed"}, "one seed drives everything: set seed");
}

void add_optimizer(std::vector<PeerKey>& list) {
  add(list, kAll, {"fp16", "fp16_full_eval", "half_precision_backend"},
      "float16 compute is not built; set bf16: true, false or auto", kOff);
  add(list, kAll, {"pure_bf16", "bfloat16", "float16", "bf16_full_eval"}, "the adapter's weights are float32; set bf16",
      kOff);
  add(list, "TRL", {"torch_dtype", "dtype", "model_dtype"}, "set bf16: true, false or auto", {"auto"});
  add(list, kAll,
      {"optim_args", "optim_target_modules", "lr_scheduler_kwargs", "cosine_min_lr_ratio", "cosine_constant_lr_ratio",
       "lr_div_factor", "lr_groups", "embedding_lr", "embedding_lr_scale", "label_smoothing_factor", "log_sweep",
       "use_muon", "q_galore_*", "galore_*", "apollo_*", "badam_*"},
      "this setting of optimizer or schedule is not built", kOff);
  add(list, kAll,
      {"rl", "rl_beta", "dpo_*", "orpo_*", "kto_*", "simpo_*", "trl", "vllm", "pref_*", "reward_model",
       "process_reward_model", "ref_model", "num_generations", "ppo_*"},
      "preference and reinforcement training are not built", kOff);
  add(list, "Axolotl", {"kd_*"}, "distillation is not built", kOff);
}

void add_run(std::vector<PeerKey>& list) {
  add(list, kAll, {"deepspeed", "fsdp", "fsdp_config", "fsdp_version", "accelerator_config", "ray_*", "use_ray"},
      "training on several processes is not built yet", kOff);
  add(list, kAll, {"sequence_parallel_degree", "context_parallel_size", "tensor_parallel_size", "dp_shard_size"},
      "training on several processes is not built yet", {"1", "0", "false"});
  add(list, kAll,
      {"gpu_memory_limit", "offload_folder", "lora_on_cpu", "activation_offloading", "layer_offloading", "cpu_offload"},
      "moving parts to other memory is not built", kOff);
  add(list, kAll, {"save_only_model", "save_first_step", "push_to_hub", "merge_lora", "use_dpo_checkpoint"},
      "this is not built", kOff);
  add(list, kAll, {"save_safetensors"}, "adapters are always safetensors", {"true"});
  add(list, kAll, {"logging_strategy"}, "progress is reported by steps", {"steps"});
  add(list, "LLaMA-Factory, TRL",
      {"predict_with_generate", "do_predict", "eval_on_start", "eval_do_concat_batches", "compute_accuracy",
       "do_causal_lm_eval", "do_bench_eval", "eval_delay", "auto_find_batch_size", "use_cpu", "no_cuda"},
      "this is not built", kOff);
  add(list, "LLaMA-Factory", {"export_*"}, "merging is a command: vernier merge CONFIG --out DIR");
  add(list, "torchtune, Unsloth, litgpt",
      {"tokenizer", "checkpointer", "metric_logger", "loss", "training", "lora", "logging", "data", "train", "eval",
       "profiler"},
      "nested settings of other programs are not read; the keys here are flat (docs/config.md)");
}

}  // namespace

std::vector<PeerKey> refused_peer_keys() {
  std::vector<PeerKey> list;
  add_model(list);
  add_data(list);
  add_optimizer(list);
  add_run(list);
  return list;
}

}  // namespace vernier

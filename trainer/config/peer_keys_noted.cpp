#include <initializer_list>

#include "config/peer_keys.h"

namespace vernier {

namespace {

void add(std::vector<PeerKey>& list, const char* peer, const char* text, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    PeerKey key;
    key.kind = PeerKey::Kind::kNoted;
    key.name = name;
    key.peer = peer;
    key.text = text;
    list.push_back(key);
  }
}

}  // namespace

std::vector<PeerKey> noted_peer_keys() {
  std::vector<PeerKey> list;
  const char* const all = "Axolotl, LLaMA-Factory, TRL";
  add(list, all, "there is one attention, and it is exact",
      {"attn_implementation", "flash_attention", "flash_attn", "xformers_attention", "sdp_attention", "eager_attention",
       "flash_attn_cross_entropy", "flash_attn_rms_norm", "flash_attn_fuse_mlp", "flash_attn_fuse_qkv"});
  add(list, all, "it tunes other programs' kernels",
      {"tf32",
       "torch_compile",
       "torch_compile_backend",
       "torch_compile_mode",
       "lora_mlp_kernel",
       "lora_qkv_kernel",
       "lora_o_kernel",
       "use_unsloth",
       "use_unsloth_gc",
       "unsloth_*",
       "liger_*",
       "enable_liger_kernel",
       "use_liger_kernel",
       "cut_cross_entropy",
       "upcast_layernorm",
       "use_cache",
       "low_cpu_mem_usage",
       "device_map",
       "use_reentrant_gc",
       "gradient_checkpointing_kwargs",
       "optim_fused"});
  add(list, all, "numbers go to metrics.jsonl in output_dir",
      {"wandb_*", "use_wandb", "mlflow_*", "use_mlflow", "comet_*", "use_comet", "swanlab_*", "use_swanlab", "run_name",
       "project", "trackio_space_id", "plot_loss", "logging_dir", "logging_first_step", "log_level",
       "logging_nan_inf_filter", "include_tokens_per_second", "include_num_input_tokens_seen", "disable_tqdm"});
  add(list, all, "data is read and tokenized in this process at every start",
      {"dataset_num_proc", "dataset_processes", "dataset_prepared_path", "dataset_keep_in_memory", "dataset_kwargs",
       "preprocessing_num_workers", "preprocessing_batch_size", "overwrite_cache", "dataloader_*", "tokenizer_use_fast",
       "use_fast_tokenizer", "remove_unused_columns", "data_shared_file_system", "skip_prepare_dataset",
       "shuffle_merged_datasets"});
  add(list, all, "there is no padding",
      {"pad_to_sequence_len", "pad_to_multiple_of", "special_tokens.pad_token", "pad_token",
       "ignore_pad_token_for_loss", "padding_free", "eval_sample_packing"});
  add(list, all, "the evaluation loss is the mean over tokens, whatever the batch",
      {"eval_batch_size", "per_device_eval_batch_size", "eval_accumulation_steps", "eval_table_size",
       "eval_max_new_tokens"});
  add(list, all, "the command says what is done", {"do_train", "do_eval", "use_peft"});
  add(list, all, "the architecture is read from the model's config.json",
      {"model_type", "tokenizer_type", "is_llama_derived_model", "is_mistral_derived_model", "is_falcon_derived_model",
       "is_qwen_derived_model", "trust_remote_code", "strict"});
  add(list, all, "a run is one process", {"ddp_*", "local_rank"});
  add(list, all, "nothing is fetched from a hub or sent to one",
      {"hf_use_auth_token", "hub_model_id", "hub_strategy", "hub_token", "cache_dir", "hf_hub_token", "ms_hub_token"});
  add(list, "PEFT, bitsandbytes", "it changes how bytes are stored, not their values", {"bnb_4bit_quant_storage"});
  add(list, "PEFT", "it follows from the model", {"task_type", "peft_type"});
  return list;
}

}  // namespace vernier

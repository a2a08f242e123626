#include "commands/model_options.h"

#include "base/error.h"

namespace vernier {

void ModelOptions::add_to(CLI::App& command) {
  command.add_option("--base", base, "Base model: a directory, GGUF file or cached hub id [the adapter's]")
      ->type_name("MODEL");
  command.add_option("--adapter", adapter, "PEFT adapter [none]")->type_name("DIR");
  command.add_option("--load-in-4bit", load_in_4bit, "Base as NF4 or as stored [as the adapter was trained]")
      ->check(CLI::IsMember({"true", "false"}))
      ->type_name("true|false");
  command.add_option("--bf16", bf16, "Compute in bf16; auto: where the CPU has it")
      ->check(CLI::IsMember({"auto", "true", "false"}))
      ->type_name("auto|true|false")
      ->capture_default_str();
  command.add_option("--kernels", kernels, "auto, scalar, avx2 or avx512")->type_name("ISA")->capture_default_str();
  command.add_option("--threads", threads, "0: the CPUs this process may use")
      ->check(CLI::Range(0, 4096))
      ->type_name("N")
      ->capture_default_str();
}

ModelRequest ModelOptions::request() const {
  if (base.empty() && adapter.empty())
    throw Error(ErrorKind::kInput, "no model is named", "command line",
                "--base DIR, or --adapter DIR for an adapter on its own base");
  ModelRequest request;
  request.base = base;
  request.adapter = adapter;
  request.load_in_4bit = parse_load_in_4bit(load_in_4bit);
  request.compute = bf16 == "auto" ? "auto" : bf16 == "true" ? "bf16" : "f32";
  request.kernels = kernels;
  request.threads = threads;
  return request;
}

}  // namespace vernier

// `vernier merge`: an adapter and its base to one model directory.

#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/config_arguments.h"
#include "config/read_config.h"
#include "export/merge.h"

namespace vernier {

namespace {

struct MergeArguments {
  std::string config, adapter, base, out, onto, dtype, load_in_4bit;
  std::vector<std::string> overrides;
};

// Words that are no option of `merge` override keys of the CONFIG; one that is no key either is a slip, and so is a key
// without a CONFIG. They are refused before the CONFIG is opened, as without one the word behind them is taken for it.
// With a CONFIG, what is near to no option is left to its reader, which knows the keys.
void refuse_unknown_options(const CLI::App& command, const std::string& config) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  const std::vector<std::string> words = command.remaining();
  const bool opens = std::filesystem::is_regular_file(config);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string name = words[i].substr(0, words[i].find('='));
    if (!starts_with(name, "--") || name.find('.') != name.npos) continue;
    // Without a value behind it, its value may have been taken for the CONFIG.
    const bool alone = name == words[i] && (i + 1 == words.size() || starts_with(words[i + 1], "--"));
    const bool is_key = is_config_key(key_of_option(name));
    const std::string nearest = is_key ? "" : nearest_name(name, known);
    if (opens ? nearest.empty() : is_key && !config.empty() && !alone) continue;
    throw Error(ErrorKind::kInput, str("unknown option ", name), "command line",
                is_key            ? str(key_of_option(name), " is a key of a CONFIG, and ",
                             config.empty() ? "none is named" : str("there is no file \"", config, "\""))
                           : nearest.empty() ? "vernier merge --help"
                                  : str("did you mean ", nearest, "?"));
  }
}

// What the options leave open comes from the config; without one, the base from the adapter.
MergeRequest make_request(const MergeArguments& arguments, const Log& log) {
  MergeRequest request;
  if (!arguments.config.empty()) {
    const LoadedConfig loaded = read_config(arguments.config, arguments.overrides, Purpose::kMerge);
    for (const std::string& note : loaded.notes) log.info(note);
    request.adapter = loaded.config.train.output_dir;
    request.base = loaded.config.model.base_model;
    request.revision = loaded.config.model.revision_of_model;
    request.out = loaded.config.train.output_dir + "/merged";
  } else if (!arguments.overrides.empty()) {
    throw Error(ErrorKind::kInput, str("\"", arguments.overrides.front(), "\" without a CONFIG"), "command line",
                "merge CONFIG, or merge --adapter DIR --out DIR");
  }
  if (!arguments.adapter.empty()) request.adapter = arguments.adapter;
  if (!arguments.base.empty()) {
    request.base = arguments.base;
    request.revision.clear();
  }
  if (!arguments.out.empty()) request.out = arguments.out;
  if (!arguments.onto.empty() && !arguments.load_in_4bit.empty())
    throw Error(ErrorKind::kInput, "--onto and --load-in-4bit say the same", "command line", "give one of them");
  if (!arguments.load_in_4bit.empty())
    request.onto = arguments.load_in_4bit == "true" ? MergeOnto::kDequantized : MergeOnto::kOriginal;
  if (!arguments.onto.empty())
    request.onto = arguments.onto == "original" ? MergeOnto::kOriginal : MergeOnto::kDequantized;
  if (!arguments.dtype.empty()) request.dtype = arguments.dtype == "f32" ? Dtype::kF32 : Dtype::kBF16;
  if (request.adapter.empty() || request.out.empty())
    throw Error(ErrorKind::kInput, request.adapter.empty() ? "no adapter is named" : "no output directory is named",
                "command line", "merge CONFIG, or merge --adapter DIR --out DIR");
  return request;
}

int merge(const MergeArguments& arguments, const Log& log) {
  const MergeRequest request = make_request(arguments, log);
  const Device device = open_device("cpu", "auto", ComputeRequest::kF32, 0);
  merge_adapter(request, device, log);
  std::printf("%s\n", request.out.c_str());
  return 0;
}

}  // namespace

void add_merge(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("merge", "Write base and adapter as one model directory");
  const auto arguments = std::make_shared<MergeArguments>();
  command->add_option("CONFIG", arguments->config, "The run's YAML file: its output_dir, its base_model");
  command->add_option("--adapter", arguments->adapter, "PEFT adapter directory [CONFIG's output_dir]");
  command->add_option("--base", arguments->base,
                      "Base model: a directory, a GGUF file or a cached hub id [CONFIG's, else the adapter's]");
  command->add_option("--out", arguments->out, "Directory to write, absent or empty [CONFIG's output_dir/merged]");
  command
      ->add_option("--onto", arguments->onto,
                   "dequantized: the decoded 4-bit weights; original: the stored ones [as the adapter was trained]")
      ->check(CLI::IsMember({"dequantized", "original"}));
  command->add_option("--dtype", arguments->dtype, "bf16 or f32 [f32 for an f32 base, else bf16]")
      ->check(CLI::IsMember({"bf16", "f32"}));
  command
      ->add_option("--load-in-4bit", arguments->load_in_4bit, "true: as --onto dequantized, false: as --onto original")
      ->check(CLI::IsMember({"true", "false"}));
  command->allow_extras();
  command->fallthrough(false);
  line.log.add_to(*command);
  command->callback([&line, command, arguments] {
    refuse_unknown_options(*command, arguments->config);
    arguments->overrides = ConfigArguments::overrides(*command);
    line.result_on_stdout = false;
    line.run = [arguments](const Log& log) { return merge(*arguments, log); };
  });
}

}  // namespace vernier

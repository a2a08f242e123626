// `vernier generate`: completions of one prompt to stdout, or of a file of prompts to a file.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "commands/chosen_template.h"
#include "commands/command.h"
#include "commands/model_options.h"
#include "infer/complete.h"
#include "infer/output_path.h"
#include "infer/prompt_rows.h"
#include "infer/stop_tokens.h"
#include "io/atomic_file.h"

namespace vernier {

namespace {

struct GenerateArguments {
  ModelOptions model;
  std::optional<std::string> prompt;
  std::string prompts, out, chat_template;
  bool raw = false;
  GenerateOptions options;
};

void check_arguments(const GenerateArguments& arguments) {
  const auto refuse = [](const std::string& what, const std::string& fix) {
    throw Error(ErrorKind::kInput, what, "command line", fix);
  };
  const bool text = arguments.prompt.has_value(), file = !arguments.prompts.empty();
  if (text && file) refuse("both --prompt and --prompts", "--prompt TEXT for one, --prompts F.jsonl for many");
  if (!text && !file) refuse("no prompt", "--prompt TEXT, or --prompts F.jsonl --out F.jsonl");
  if (text && !arguments.out.empty()) refuse("--out without --prompts", "--prompt writes its completion to stdout");
  if (file && arguments.out.empty()) refuse("--prompts without --out", "--out F.jsonl takes the rows with completions");
  if (const double temperature = arguments.options.temperature; !std::isfinite(temperature) || temperature < 0)
    refuse("--temperature is not a number from 0 up", "0 takes the likeliest token, 1 draws from the model's own odds");
  if (file) check_output_path(arguments.out, {arguments.prompts});
}

std::unique_ptr<Tokenizer> require_tokenizer(const ModelDir& base) {
  std::unique_ptr<Tokenizer> tokenizer = load_tokenizer(base);
  if (tokenizer == nullptr)
    throw Error(ErrorKind::kInput, "the base model has no tokenizer", base.path(),
                "put its tokenizer.json or tokenizer.model there");
  return tokenizer;
}

// Nothing with --raw.
std::optional<ChatTemplate> open_template(const GenerateArguments& arguments, const ModelDir& base,
                                          const Tokenizer& tokenizer, const Log& log) {
  if (arguments.raw) return std::nullopt;
  const std::string setting = choose_chat_template(arguments.chat_template, arguments.model.adapter, tokenizer, log);
  if (setting == "tokenizer_default" && tokenizer.chat_template().empty())
    throw Error(ErrorKind::kInput, "the model has no chat template", base.path(),
                "--raw continues the text as it is; --chat-template chatml, or a .jinja file, brings a template");
  return load_chat_template(setting, tokenizer);
}

std::vector<Prompt> make_prompts(const GenerateArguments& arguments, const std::vector<PromptRow>& rows,
                                 const ChatTemplate* chat_template, const Tokenizer& tokenizer) {
  if (arguments.prompt) return {text_prompt(*arguments.prompt, chat_template, tokenizer, "--prompt")};
  return row_prompts(rows, chat_template, tokenizer);
}

// The longest prompt with its completion, or what the model has positions for.
std::int64_t longest_row(const std::vector<Prompt>& prompts, std::int64_t max_new_tokens, const ModelSpec& spec) {
  std::size_t longest = 0;
  for (const Prompt& prompt : prompts) longest = std::max(longest, prompt.ids.size());
  return std::min(static_cast<std::int64_t>(longest) + max_new_tokens, spec.max_positions);
}

void write_rows(const std::string& path, std::vector<PromptRow> rows, const std::vector<std::string>& completions,
                const Log& log) {
  if (std::any_of(rows.begin(), rows.end(), [](const PromptRow& row) { return row.row.contains("completion"); }))
    log.warning("rows that have a \"completion\" carry the generated one in " + path);
  std::string lines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].row["completion"] = completions[i];
    lines += rows[i].row.dump() + "\n";
  }
  write_file_atomically(path, lines);
}

int generate(const GenerateArguments& arguments, const Log& log) {
  ModelRequest request = arguments.model.request();
  check_arguments(arguments);
  std::vector<PromptRow> rows;
  if (!arguments.prompt) rows = read_prompt_rows(arguments.prompts);
  FoundModel found = find_model(request);
  const std::unique_ptr<Tokenizer> tokenizer = require_tokenizer(*found.base);
  const std::optional<ChatTemplate> chat_template = open_template(arguments, *found.base, *tokenizer, log);
  const ChatTemplate* turns = chat_template ? &*chat_template : nullptr;
  const std::vector<Prompt> prompts = make_prompts(arguments, rows, turns, *tokenizer);
  check_prompts(prompts, found.spec, found.spec.max_positions);
  const std::vector<TokenId> stops = stop_tokens(found.spec, *found.base, *tokenizer, turns);
  request.max_row_tokens = longest_row(prompts, arguments.options.max_new_tokens, found.spec);
  const OpenedModel opened = open_model(std::move(found), request, log);
  Arena arena(opened.device.torch);
  const Completions done =
      complete_prompts(opened.model, opened.device, arena, *tokenizer, prompts, stops, arguments.options, log);
  if (arguments.prompt)
    std::printf("%s\n", done.texts.front().c_str());
  else
    write_rows(arguments.out, std::move(rows), done.texts, log);
  return 0;
}

void add_generation_options(CLI::App& command, GenerateArguments& arguments) {
  GenerateOptions& options = arguments.options;
  command.add_flag("--raw", arguments.raw, "Continue the text as it is, without the chat template");
  command
      .add_option("--chat-template", arguments.chat_template,
                  "tokenizer_default, chatml or a .jinja file [the adapter's, else the tokenizer's]")
      ->type_name("NAME");
  command.add_option("--max-new-tokens", options.max_new_tokens, "Longest completion in tokens")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--temperature", options.temperature, "0: the likeliest token; above: draws")
      ->type_name("T")
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Of the draws, with the row's number")
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace

void add_generate(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("generate", "Write completions of one prompt or of a file of prompts");
  const auto arguments = std::make_shared<GenerateArguments>();
  line.log.add_to(*command);
  arguments->model.add_to(*command);
  command->add_option("--prompt", arguments->prompt, "One user message; its completion goes to stdout")
      ->type_name("TEXT");
  command
      ->add_option("--prompts", arguments->prompts,
                   "Rows with \"prompt\" or \"messages\" (a last assistant turn is left out)")
      ->type_name("F.jsonl");
  command->add_option("--out", arguments->out, "The rows of --prompts with \"completion\"")->type_name("F.jsonl");
  add_generation_options(*command, *arguments);
  command->callback(
      [&line, arguments] { line.run = [arguments](const Log& log) { return generate(*arguments, log); }; });
}

}  // namespace vernier

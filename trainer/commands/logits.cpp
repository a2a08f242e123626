// `vernier logits`: every position's logits for given ids, for checking against other libraries.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "commands/command.h"
#include "commands/model_options.h"
#include "infer/logits_file.h"
#include "infer/output_path.h"

namespace vernier {

namespace {

struct LogitsArguments {
  ModelOptions model;
  std::string ids, out;
};

int logits(const LogitsArguments& arguments, const Log& log) {
  ModelRequest request = arguments.model.request();
  check_output_path(arguments.out, {arguments.ids});
  const std::vector<IdRow> rows = read_id_rows(arguments.ids);
  FoundModel found = find_model(request);
  check_id_rows(found.spec, rows);
  request.max_row_tokens = longest_row_tokens(rows);
  const OpenedModel opened = open_model(std::move(found), request, log);
  Arena arena(opened.device.torch);
  write_logits(arguments.out, opened.model, opened.device, arena, rows, log);
  return 0;
}

}  // namespace

void add_logits(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("logits", "Write the logits of given token ids, to compare libraries");
  const auto arguments = std::make_shared<LogitsArguments>();
  line.log.add_to(*command);
  arguments->model.add_to(*command);
  command->add_option("--ids", arguments->ids, "Rows {\"input_ids\": [...]}")->type_name("F.jsonl")->required();
  command->add_option("--out", arguments->out, "Tensors logits.0, logits.1, ...: f32 [tokens, vocabulary]")
      ->type_name("F.safetensors")
      ->required();
  command->callback([&line, arguments] { line.run = [arguments](const Log& log) { return logits(*arguments, log); }; });
}

}  // namespace vernier

// argv to a command; the only catch of the program; exit codes (base/error.h).

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "base/error.h"
#include "base/standard_streams.h"
#include "base/text.h"
#include "commands/command.h"

namespace {

int fail(const vernier::Error& error) {
  std::fprintf(stderr, "vernier: %s\n", error.message().c_str());
  return error.exit_code();
}

// Makes nothing that would need memory. Told once, also when a destructor fails behind it.
int out_of_memory() {
  static bool told = false;
  if (!told)
    std::fputs(
        "vernier: out of memory\n"
        "  a smaller micro_batch_size or sequence_len, or gradient_checkpointing: true, needs less\n",
        stderr);
  told = true;
  return static_cast<int>(vernier::ErrorKind::kResource);
}

// Memory that LibTorch or the system did not give comes as exceptions of theirs.
int fail(const std::exception& error) {
  for (const char* words : {"bad_alloc", "can't allocate memory", "Cannot allocate memory", "not enough memory"})
    if (std::strstr(error.what(), words) != nullptr) return out_of_memory();
  std::fprintf(stderr, "vernier: internal error: %s\n", error.what());
  return vernier::kExitInternal;
}

// Memory that runs out in a destructor (those of nlohmann/json allocate) cannot be caught: it ends here. Checkpoints
// are whole at any instant, so leaving at once loses none.
[[noreturn]] void end_uncaught() {
  try {
    if (const auto uncaught = std::current_exception()) std::rethrow_exception(uncaught);
  } catch (const std::exception& error) {
    std::_Exit(fail(error));
  } catch (...) {
    std::fputs("vernier: internal error: an exception that nothing caught\n", stderr);
  }
  std::abort();
}

// The nearest command for a mistyped one.
std::string advice(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  const std::string word = argc > 1 ? argv[1] : "";
  const bool known = std::find(names.begin(), names.end(), word) != names.end();
  const std::string near = known ? word : vernier::nearest_name(word, names);
  if (known) return "vernier " + word + " --help";
  return (near.empty() ? "" : "did you mean " + near + "? ") + std::string("vernier --help lists the commands");
}

// What stdout did not take is lost. That is an error where it was the result; a run whose files are the result has
// ended well without.
int end_output(int code, bool result_on_stdout) {
  const auto lost = vernier::flush_stdout();
  if (!lost) return code;
  if (!lost->no_reader) std::fprintf(stderr, "vernier: stdout: %s\n", lost->reason.c_str());
  if (code != 0 || !result_on_stdout) return code;
  return lost->no_reader ? vernier::kExitNoReader : static_cast<int>(vernier::ErrorKind::kResource);
}

int run(int argc, char** argv, bool& result_on_stdout) {
  using namespace vernier;
  CLI::App app{"Vernier: QLoRA fine-tuning from one YAML file, on one box.", "vernier"};
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.get_formatter()->column_width(34);
  bool version = false;
  app.add_flag("--version", version, "Print the version");
  CommandLine line{app, {}, {}};
  line.log.add_to(app);
  for (const auto add : {add_train, add_check, add_eval, add_generate, add_merge, add_logits, add_bench,
                         add_config_reference, add_version})
    add(line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    throw Error(ErrorKind::kInput, error.what(), "command line", advice(app, argc, argv));
  }
  if (version) {
    std::printf("vernier %s\n", VERNIER_VERSION);
    return 0;
  }
  if (!line.run) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  }
  const Log log(line.log.quiet ? LogLevel::kWarning : parse_log_level(line.log.level));
  result_on_stdout = line.result_on_stdout;
  return line.run(log);
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(end_uncaught);
  vernier::prepare_standard_streams();
  try {
    bool result_on_stdout = true;
    const int code = run(argc, argv, result_on_stdout);
    return end_output(code, result_on_stdout);
  } catch (const vernier::Error& error) {
    return fail(error);
  } catch (const std::exception& error) {
    return fail(error);
  }
}

// argv to a command; the only catch of the program, also of what no catch reaches; exit codes (base/error.h).

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#include "base/error.h"
#include "base/text.h"
#include "commands/command.h"

namespace {

constexpr const char* kOutOfMemory =
    "vernier: out of memory\n"
    "  a smaller micro_batch_size or sequence_len, or gradient_checkpointing: true, needs less\n";

// Nothing is allocated here: there may be nothing left.
int fail_without_memory() {
  static_cast<void>(write(STDERR_FILENO, kOutOfMemory, std::strlen(kOutOfMemory)));
  return static_cast<int>(vernier::ErrorKind::kResource);
}

int fail_internally(const char* what) {
  std::fprintf(stderr, "vernier: internal error: %s\n", what);
  return vernier::kExitInternal;
}

// What LibTorch throws for memory that it was not given is no std::bad_alloc.
bool is_out_of_memory(const std::exception& error) {
  for (const char* words : {"can't allocate memory", "Cannot allocate memory", "not enough memory", "bad_alloc"})
    if (std::strstr(error.what(), words) != nullptr) return true;
  return false;
}

int fail(const std::exception& error) {
  return is_out_of_memory(error) ? fail_without_memory() : fail_internally(error.what());
}

// An exception that nothing could catch: thrown in a destructor, or in a region of several threads. Checkpoints are
// whole at any instant, so leaving at once loses none.
[[noreturn]] void leave() {
  try {
    const std::exception_ptr thrown = std::current_exception();
    if (thrown) std::rethrow_exception(thrown);
    _exit(fail_internally("ended without an exception"));
  } catch (const std::bad_alloc&) {
    _exit(fail_without_memory());
  } catch (const std::exception& error) {
    _exit(fail(error));
  } catch (...) {
    _exit(fail_internally("an unknown exception"));
  }
}

int fail(const vernier::Error& error) {
  std::fprintf(stderr, "vernier: %s\n", error.message().c_str());
  return error.exit_code();
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

int run(int argc, char** argv) {
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
  return line.run(log);
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(leave);
  try {
    return run(argc, argv);
  } catch (const vernier::Error& error) {
    return fail(error);
  } catch (const std::bad_alloc&) {
    return fail_without_memory();
  } catch (const std::exception& error) {
    return fail(error);
  }
}

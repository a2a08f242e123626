#include "io/run_store.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/file_system.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;

enum class NameKind { kCheckpoint, kUnfinished, kDeleting, kReplaced, kTemporaryFile };

struct Entry {
  NameKind kind;
  std::int64_t step;  // not of a kTemporaryFile
  std::string name;
};

constexpr std::string_view kPrefix = "checkpoint-";

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// "7", not "07" nor what overflows: such a name was not made here.
std::optional<std::int64_t> read_step(std::string_view digits) {
  if (!is_digits(digits) || digits.size() > 18 || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  return std::stoll(std::string(digits));
}

std::optional<Entry> read_name(const std::string& name, bool is_directory) {
  const std::size_t dash = name.rfind('-');
  const bool has_pid = dash != name.npos && is_digits(std::string_view(name).substr(dash + 1));
  const std::string_view head = std::string_view(name).substr(0, has_pid ? dash : 0);
  if (!is_directory)
    return ends_with(head, ".tmp") ? std::optional(Entry{NameKind::kTemporaryFile, 0, name}) : std::nullopt;
  if (!starts_with(name, kPrefix)) return std::nullopt;
  const std::string_view rest = std::string_view(name).substr(kPrefix.size());
  if (const auto step = read_step(rest)) return Entry{NameKind::kCheckpoint, *step, name};
  for (const auto& [mark, kind] : {std::pair(".tmp", NameKind::kUnfinished),
                                   {".deleting", NameKind::kDeleting},
                                   {".replaced", NameKind::kReplaced}}) {
    if (!ends_with(head, mark)) continue;
    const std::string_view digits = head.substr(0, head.size() - std::string_view(mark).size());
    if (digits.size() <= kPrefix.size()) continue;
    if (const auto step = read_step(digits.substr(kPrefix.size()))) return Entry{kind, *step, name};
  }
  return std::nullopt;
}

// By step; of one step the checkpoint first.
std::vector<Entry> list_entries(const std::string& output_dir) {
  std::vector<Entry> entries;
  std::error_code failure;
  for (fs::directory_iterator at(output_dir, failure), end; !failure && at != end; at.increment(failure)) {
    std::error_code ignored;
    if (auto entry = read_name(at->path().filename().string(), at->is_directory(ignored)))
      entries.push_back(std::move(*entry));
  }
  if (failure && failure.value() != ENOENT)
    throw Error(ErrorKind::kInput, str("cannot be listed: ", failure.message()), output_dir);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.step, a.kind, a.name) < std::tie(b.step, b.kind, b.name);
  });
  return entries;
}

std::string in(const std::string& output_dir, const std::string& name) {
  return output_dir + "/" + name;
}

std::string marked(const std::string& path, const char* mark) {
  const std::string temporary = temporary_path(path);
  return path + mark + temporary.substr(temporary.rfind('-'));
}

// First renamed, so that no reader ever finds half of a checkpoint under its name.
void discard(const std::string& path) {
  const std::string rubbish = marked(path, ".deleting");
  remove_tree(rubbish);
  replace_by_rename(path, rubbish);
  remove_tree(rubbish);
}

void remove_quietly(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// `from` becomes `target`, the older `target` stays until that is on the disk.
void replace_checkpoint(const std::string& from, const std::string& target) {
  const std::string older = marked(target, ".replaced");
  remove_tree(older);
  replace_by_rename(target, older);
  try {
    replace_by_rename(from, target);
  } catch (const Error&) {
    std::error_code ignored;
    if (!fs::exists(target, ignored)) fs::rename(older, target, ignored);
    throw;
  }
  remove_quietly(older);
}

std::int64_t newest_good_step(const std::string& output_dir, const std::vector<std::int64_t>& steps) {
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    try {
      if (verify_checkpoint(in(output_dir, checkpoint_name(*step))) == *step) return *step;
    } catch (const Error&) {
      continue;
    }
  }
  return -1;
}

}  // namespace

CheckpointWriter::CheckpointWriter(const OutputLock& lock, std::int64_t step)
    : output_dir_(lock.output_dir()),
      temporary_(temporary_path(in(output_dir_, checkpoint_name(step)))),
      manifest_{step, {}} {
  remove_tree(temporary_);
  make_directories(temporary_);
}

CheckpointWriter::~CheckpointWriter() {
  if (!committed_) remove_quietly(temporary_);
}

std::string CheckpointWriter::path(const std::string& name) {
  check(!committed_, "the checkpoint is committed");
  check(is_plain_file_name(name) && is_utf8(name) && name != kManifestName, "not a name for a checkpoint's file");
  const auto& files = manifest_.files;
  check(std::none_of(files.begin(), files.end(), [&](const auto& file) { return file.name == name; }) &&
            promised_.insert(name).second,
        "two files of a checkpoint have the same name");
  return in(temporary_, name);
}

void CheckpointWriter::add_file(const std::string& name) {
  check(promised_.erase(name) == 1, "add_file follows path");
  const std::string file = in(temporary_, name);
  sync_file(file);
  manifest_.files.push_back(sum_file(file, name));
}

void CheckpointWriter::write_file(const std::string& name, std::string_view bytes) {
  write_file_synced(path(name), bytes);
  promised_.erase(name);
  manifest_.files.push_back({name, bytes.size(), xxh3_64(bytes)});
}

std::string CheckpointWriter::commit() {
  check(!committed_, "the checkpoint is committed");
  check(promised_.empty(), "a file of the checkpoint was asked for and not added");
  write_file_synced(in(temporary_, kManifestName), manifest_text(manifest_));
  sync_directory(temporary_);
  const std::string target = in(output_dir_, checkpoint_name(manifest_.step));
  std::error_code ignored;
  if (fs::is_directory(target, ignored))
    replace_checkpoint(temporary_, target);
  else
    replace_by_rename(temporary_, target);
  committed_ = true;
  return target;
}

Error checkpoint_error(const OutputLock& lock, std::int64_t step, const Error& problem) {
  const std::string target = in(lock.output_dir(), checkpoint_name(step));
  const std::string unfinished = temporary_path(target), &where = problem.where();
  std::string what = "could not be saved: ";
  if (starts_with(where, unfinished + "/")) {
    what += where.substr(unfinished.size() + 1) + ": ";
  } else if (where != unfinished && where != target) {
    what += where + ": ";
  }
  std::string fix = problem.fix().empty() ? "" : problem.fix() + "; ";
  std::vector<std::string> notes;
  const auto whole = newest_good_checkpoint(lock.output_dir(), notes);
  fix += whole           ? str(fs::path(whole->path).filename().string(), " is whole: --resume goes on from it")
         : notes.empty() ? "there is no older checkpoint"
                         : "no older checkpoint is whole";
  return Error(problem.kind(), what + problem.what(), target, fix);
}

std::string checkpoint_name(std::int64_t step) {
  check(step >= 0, "a step is not negative");
  return str(kPrefix, step);
}

std::vector<std::int64_t> list_checkpoints(const std::string& output_dir) {
  std::vector<std::int64_t> steps;
  for (const Entry& entry : list_entries(output_dir))
    if (entry.kind == NameKind::kCheckpoint) steps.push_back(entry.step);
  return steps;
}

bool has_checkpoints(const std::string& output_dir) {
  const std::vector<Entry> entries = list_entries(output_dir);
  return std::any_of(entries.begin(), entries.end(), [](const Entry& entry) {
    return entry.kind == NameKind::kCheckpoint || entry.kind == NameKind::kReplaced;
  });
}

std::int64_t verify_checkpoint(const std::string& checkpoint_dir) {
  const CheckpointManifest manifest = read_manifest(checkpoint_dir);
  for (const CheckpointManifest::File& file : manifest.files) verify_file(checkpoint_dir, file);
  return manifest.step;
}

std::optional<Checkpoint> newest_good_checkpoint(const std::string& output_dir, std::vector<std::string>& notes) {
  std::vector<Entry> entries = list_entries(output_dir);
  std::erase_if(entries, [](const Entry& entry) {
    return entry.kind != NameKind::kCheckpoint && entry.kind != NameKind::kReplaced;
  });
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.step > b.step; });
  for (const Entry& entry : entries) {
    const std::string path = in(output_dir, entry.name);
    try {
      const std::int64_t step = verify_checkpoint(path);
      if (step == entry.step) return Checkpoint{step, path};
      notes.push_back(str("passed over ", entry.name, ": its manifest is that of step ", step));
    } catch (const Error& error) {
      notes.push_back(str("passed over ", entry.name, ": ", error.message()));
    }
  }
  return std::nullopt;
}

void prune_checkpoints(const OutputLock& lock, std::size_t keep, const std::vector<std::int64_t>& keep_steps) {
  check(keep >= 1, "the newest checkpoint is kept");
  const std::string& output_dir = lock.output_dir();
  const std::vector<std::int64_t> steps = list_checkpoints(output_dir);
  if (steps.size() <= keep) return;
  const std::int64_t good = newest_good_step(output_dir, steps);
  for (std::size_t i = 0; i < steps.size() - keep; ++i) {
    const bool kept = std::find(keep_steps.begin(), keep_steps.end(), steps[i]) != keep_steps.end();
    if (steps[i] != good && !kept) discard(in(output_dir, checkpoint_name(steps[i])));
  }
}

void remove_checkpoints(const OutputLock& lock) {
  for (const Entry& entry : list_entries(lock.output_dir()))
    if (entry.kind == NameKind::kCheckpoint)
      discard(in(lock.output_dir(), entry.name));
    else
      remove_tree(in(lock.output_dir(), entry.name));
}

void clean_leftovers(const OutputLock& lock, std::vector<std::string>& notes) {
  for (const Entry& entry : list_entries(lock.output_dir())) {
    if (entry.kind == NameKind::kCheckpoint) continue;
    const std::string path = in(lock.output_dir(), entry.name);
    std::error_code ignored;
    const std::string target = in(lock.output_dir(), checkpoint_name(entry.step));
    if (entry.kind == NameKind::kReplaced && !fs::exists(target, ignored)) {
      replace_by_rename(path, target);
      notes.push_back(str("gave ", entry.name, " its name back: the run that replaced it stopped half way"));
      continue;
    }
    remove_tree(path);
    notes.push_back(str("removed ", entry.name, ", left by a run that stopped half way"));
  }
}

}  // namespace vernier

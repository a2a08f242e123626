#include "io/run_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/free_space.h"
#include "io/open_file.h"
#include "io/read_file.h"

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

bool is_directory(const std::string& path, FileSystem& files) {
  struct stat status {};
  const int failure = failure_of([&] { return files.stat(path, status); });
  if (failure == 0) return S_ISDIR(status.st_mode);
  if (failure == ENOENT || failure == ENOTDIR || failure == ELOOP) return false;
  throw write_error(failure, "looking at the directory", path);
}

// What cannot be looked at counts as a directory, so that no checkpoint is passed over in silence.
bool may_be_directory(const std::string& path, FileSystem& files) {
  try {
    return is_directory(path, files);
  } catch (const Error&) {
    return true;
  }
}

// By step; of one step the checkpoint first.
std::vector<Entry> list_entries(const std::string& output_dir, FileSystem& files) {
  std::vector<Entry> entries;
  std::vector<std::string> names;
  const int failure = failure_of([&] { return files.list(output_dir, names); });
  if (failure != 0 && failure != ENOENT)
    throw Error(ErrorKind::kInput, str("cannot be listed: ", std::strerror(failure)), output_dir);
  for (const std::string& name : names)
    if (auto entry = read_name(name, may_be_directory(output_dir + "/" + name, files)))
      entries.push_back(std::move(*entry));
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
void discard(const std::string& path, FileSystem& files) {
  const std::string rubbish = marked(path, ".deleting");
  remove_tree(rubbish, files);
  replace_by_rename(path, rubbish, files);
  remove_tree(rubbish, files);
}

// `from` becomes `target`, the older `target` stays until that is on the disk.
void replace_checkpoint(const std::string& from, const std::string& target, FileSystem& files) {
  const std::string older = marked(target, ".replaced");
  remove_tree(older, files);
  replace_by_rename(target, older, files);
  try {
    replace_by_rename(from, target, files);
  } catch (const Error&) {
    if (!may_be_directory(target, files)) failure_of([&] { return files.rename(older, target); });
    throw;
  }
  remove_quietly(older, files);
}

bool is_whole(const std::string& output_dir, const Entry& entry, FileSystem& files) {
  try {
    return verify_checkpoint(in(output_dir, entry.name), files) == entry.step;
  } catch (const Error&) {
    return false;
  }
}

// What stopped runs left of unfinished or deleted checkpoints: the lock says that nobody is at work on them.
void remove_unfinished(const OutputLock& lock) {
  for (const Entry& entry : list_entries(lock.output_dir(), lock.files()))
    if (entry.kind == NameKind::kUnfinished || entry.kind == NameKind::kDeleting)
      remove_tree(lock.path(entry.name), lock.files());
}

// Whether the older checkpoint that stood aside has to take its name again.
bool stands_in(const OutputLock& lock, const Entry& older) {
  const Entry newer{NameKind::kCheckpoint, older.step, checkpoint_name(older.step)};
  if (!is_directory(lock.path(newer.name), lock.files())) return true;
  return !is_whole(lock.output_dir(), newer, lock.files()) && is_whole(lock.output_dir(), older, lock.files());
}

}  // namespace

void require_checkpoint_space(const OutputLock& lock, std::uint64_t bytes) {
  lock.confirm();
  remove_unfinished(lock);
  require_free_space(lock.output_dir(), bytes, lock.files());
}

CheckpointWriter::CheckpointWriter(const OutputLock& lock, std::int64_t step, std::uint64_t expected_bytes)
    : lock_(lock), temporary_(temporary_path(lock.path(checkpoint_name(step)))), manifest_{step, {}} {
  require_checkpoint_space(lock, expected_bytes);
  make_directories(temporary_, files());
}

CheckpointWriter::~CheckpointWriter() {
  if (!committed_) remove_quietly(temporary_, files());
}

std::string CheckpointWriter::path(const std::string& name) {
  check(!committed_, "the checkpoint is committed");
  check(is_plain_file_name(name) && is_utf8(name) && name != kManifestName, "not a name for a checkpoint's file");
  const auto& written = manifest_.files;
  check(std::none_of(written.begin(), written.end(), [&](const auto& file) { return file.name == name; }) &&
            promised_.insert(name).second,
        "two files of a checkpoint have the same name");
  return in(temporary_, name);
}

void CheckpointWriter::add_file(const std::string& name) {
  check(promised_.erase(name) == 1, "add_file follows path");
  const std::string file = in(temporary_, name);
  sync_file(file, files());
  manifest_.files.push_back(sum_file(file, name, files()));
}

void CheckpointWriter::write_file(const std::string& name, std::string_view bytes) {
  write_file_synced(path(name), bytes, files());
  promised_.erase(name);
  manifest_.files.push_back({name, bytes.size(), xxh3_64(bytes)});
}

std::string CheckpointWriter::commit() {
  check(!committed_, "the checkpoint is committed");
  check(promised_.empty(), "a file of the checkpoint was asked for and not added");
  write_file_synced(in(temporary_, kManifestName), manifest_text(manifest_), files());
  sync_directory(temporary_, files());
  const std::string target = lock_.path(checkpoint_name(manifest_.step));
  if (is_directory(target, files()))
    replace_checkpoint(temporary_, target, files());
  else
    replace_by_rename(temporary_, target, files());
  committed_ = true;
  return target;
}

Error checkpoint_error(const OutputLock& lock, std::int64_t step, const Error& problem) {
  const std::string target = lock.path(checkpoint_name(step));
  const std::string unfinished = temporary_path(target), &where = problem.where();
  std::string what = "could not be saved: ";
  if (starts_with(where, unfinished + "/")) {
    what += where.substr(unfinished.size() + 1) + ": ";
  } else if (where != unfinished && where != target) {
    what += where + ": ";
  }
  std::string fix = problem.fix().empty() ? "" : problem.fix() + "; ";
  std::vector<std::string> notes;
  const auto whole = newest_good_checkpoint(lock.output_dir(), notes, lock.files());
  fix += whole           ? str(fs::path(whole->path).filename().string(), " is whole: --resume goes on from it")
         : notes.empty() ? "there is no older checkpoint"
                         : "no older checkpoint is whole";
  return Error(problem.kind(), what + problem.what(), target, fix);
}

std::string checkpoint_name(std::int64_t step) {
  check(step >= 0, "a step is not negative");
  return str(kPrefix, step);
}

std::vector<std::int64_t> list_checkpoints(const std::string& output_dir, FileSystem& files) {
  std::vector<std::int64_t> steps;
  for (const Entry& entry : list_entries(output_dir, files))
    if (entry.kind == NameKind::kCheckpoint) steps.push_back(entry.step);
  return steps;
}

bool has_checkpoints(const std::string& output_dir, FileSystem& files) {
  const std::vector<Entry> entries = list_entries(output_dir, files);
  return std::any_of(entries.begin(), entries.end(), [](const Entry& entry) {
    return entry.kind == NameKind::kCheckpoint || entry.kind == NameKind::kReplaced;
  });
}

std::int64_t verify_checkpoint(const std::string& checkpoint_dir, FileSystem& files) {
  const CheckpointManifest manifest = read_manifest(checkpoint_dir, files);
  for (const CheckpointManifest::File& file : manifest.files) verify_file(checkpoint_dir, file, files);
  return manifest.step;
}

std::optional<Checkpoint> newest_good_checkpoint(const std::string& output_dir, std::vector<std::string>& notes,
                                                 FileSystem& files, std::int64_t last_step) {
  std::vector<Entry> entries = list_entries(output_dir, files);
  std::erase_if(entries, [&](const Entry& entry) {
    return (entry.kind != NameKind::kCheckpoint && entry.kind != NameKind::kReplaced) || entry.step > last_step;
  });
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.step > b.step; });
  for (const Entry& entry : entries) {
    const std::string path = in(output_dir, entry.name);
    try {
      const std::int64_t step = verify_checkpoint(path, files);
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
  lock.confirm();
  std::vector<Entry> entries = list_entries(lock.output_dir(), lock.files());
  std::erase_if(entries, [](const Entry& entry) { return entry.kind != NameKind::kCheckpoint; });
  const std::size_t kept = std::max(keep, kFewestCheckpoints);
  if (entries.size() <= kept) return;
  const auto good = std::find_if(entries.rbegin(), entries.rend(),
                                 [&](const Entry& entry) { return is_whole(lock.output_dir(), entry, lock.files()); });
  for (std::size_t i = 0; i < entries.size() - kept; ++i) {
    const std::int64_t step = entries[i].step;
    const bool newest_whole = good != entries.rend() && good->step == step;
    const bool wanted = std::find(keep_steps.begin(), keep_steps.end(), step) != keep_steps.end();
    if (!newest_whole && !wanted) discard(lock.path(entries[i].name), lock.files());
  }
}

void remove_checkpoints(const OutputLock& lock) {
  lock.confirm();
  for (const Entry& entry : list_entries(lock.output_dir(), lock.files()))
    if (entry.kind == NameKind::kCheckpoint)
      discard(lock.path(entry.name), lock.files());
    else
      remove_tree(lock.path(entry.name), lock.files());
}

void clean_leftovers(const OutputLock& lock, std::vector<std::string>& notes) {
  lock.confirm();
  for (const Entry& entry : list_entries(lock.output_dir(), lock.files())) {
    if (entry.kind == NameKind::kCheckpoint) continue;
    const std::string path = lock.path(entry.name);
    if (entry.kind == NameKind::kReplaced && stands_in(lock, entry)) {
      const std::string target = lock.path(checkpoint_name(entry.step));
      if (is_directory(target, lock.files())) discard(target, lock.files());
      replace_by_rename(path, target, lock.files());
      notes.push_back(str("gave ", entry.name, " its name back: the run that replaced it stopped half way"));
      continue;
    }
    remove_tree(path, lock.files());
    notes.push_back(str("removed ", entry.name, ", left by a run that stopped half way"));
  }
}

}  // namespace vernier

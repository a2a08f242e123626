#pragma once
// The checkpoints of an output directory. checkpoint-N is written as checkpoint-N.tmp-PID: each file flushed and
// hashed, manifest.json with the size and XXH3-64 of each flushed last, the directory flushed, then renamed and the
// parent flushed. So a checkpoint is whole or absent after a stop at any instant, and damage done later is found by
// reading: no byte of it is used before verify_checkpoint has passed.
//
//   manifest.json   {"format": 1, "step": N, "files": [{"name": .., "size": .., "xxh3": ".."}, ..], "xxh3": ".."}
//                   as Json::dump(2) writes it; the last xxh3 is that of the same text without this key
//   .tmp-PID        unfinished; .deleting-PID: being removed; both are rubbish after a crash
//   .replaced-PID   the older checkpoint-N while a newer one takes its name; stands in for it after a crash
//
// Writing, pruning and cleaning are for the holder of the directory's OutputLock, and each confirms it first; the rest
// is for anyone.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/checkpoint_manifest.h"
#include "io/file_system.h"
#include "io/output_lock.h"

namespace vernier {

struct Checkpoint {
  std::int64_t step;
  std::string path;
};

// Removes what unfinished checkpoints hold of the disk; then Error(kResource) with the bytes that are missing when
// fewer than `bytes` are free.
void require_checkpoint_space(const OutputLock& lock, std::uint64_t bytes);

class CheckpointWriter {
 public:
  // Makes the temporary directory, where require_checkpoint_space(expected_bytes) finds room: nothing has been written
  // when it does not. Errors of all members as io/atomic_file's. Precondition: step >= 0.
  CheckpointWriter(const OutputLock& lock, std::int64_t step, std::uint64_t expected_bytes = 0);
  ~CheckpointWriter();  // not committed: removes what was written
  CheckpointWriter(const CheckpointWriter&) = delete;

  // Where, through files(), to write the file `name`; add_file(name) must follow. Precondition: is_plain_file_name, not
  // used before.
  std::string path(const std::string& name);
  // Flushes and hashes the file that was written to path(name).
  void add_file(const std::string& name);
  // Both in one, for bytes in memory.
  void write_file(const std::string& name, std::string_view bytes);

  FileSystem& files() const { return lock_.files(); }

  // Makes it checkpoint-N, also where one is already (a step done again after a resume): the older one goes only after
  // the newer one is safe. When this returns, the checkpoint survives a power loss. Gives its path.
  std::string commit();

 private:
  const OutputLock& lock_;
  std::string temporary_;
  CheckpointManifest manifest_;
  std::set<std::string> promised_;  // paths given out, files not added yet
  bool committed_ = false;
};

// What to tell when writing checkpoint-N failed with `problem`: which checkpoint, which of its files and why, and which
// older one is whole (its hashes are read again). Of the same kind.
Error checkpoint_error(const OutputLock& lock, std::int64_t step, const Error& problem);

// "checkpoint-N".
std::string checkpoint_name(std::int64_t step);

// The steps that have a checkpoint-N directory, ascending; whether they are whole is not looked at. Empty when the
// directory is absent; Error(kInput) when it cannot be listed.
std::vector<std::int64_t> list_checkpoints(const std::string& output_dir, FileSystem& files = local_file_system());

// True when the directory holds a checkpoint, whole or not.
bool has_checkpoints(const std::string& output_dir, FileSystem& files = local_file_system());

// Reads and hashes every file of the checkpoint and gives its step. Error(kIntegrity) naming the file that is missing,
// cut short or changed. Files that the manifest does not name are left alone.
std::int64_t verify_checkpoint(const std::string& checkpoint_dir, FileSystem& files = local_file_system());

// The newest checkpoint that is whole, of those up to `last_step`. Each newer one that was passed over is told in
// `notes`, a line each.
std::optional<Checkpoint> newest_good_checkpoint(const std::string& output_dir, std::vector<std::string>& notes,
                                                 FileSystem& files = local_file_system(),
                                                 std::int64_t last_step = std::numeric_limits<std::int64_t>::max());

// The fewest that pruning leaves: should the newest be damaged on the disk, a resume falls back to the other.
inline constexpr std::size_t kFewestCheckpoints = 2;

// Deletes the oldest checkpoints beyond the newest `keep`, or kFewestCheckpoints if that is more; never the newest
// whole one, nor the steps in `keep_steps` (the best by eval loss, those before steps with bad numbers). Precondition:
// keep >= 1.
void prune_checkpoints(const OutputLock& lock, std::size_t keep, const std::vector<std::int64_t>& keep_steps = {});

// Deletes every checkpoint, the oldest first: for --overwrite-output-dir.
void remove_checkpoints(const OutputLock& lock);

// After a crash: finishes replacements (or undoes them, when only the older one is whole) and deletions, and removes
// unfinished checkpoints and the files of the directory itself that temporary_path names (FILE.tmp-PID), a line in
// `notes` each. The lock says that no other run is at work here, so nothing rests on whether a process id is alive.
void clean_leftovers(const OutputLock& lock, std::vector<std::string>& notes);

}  // namespace vernier

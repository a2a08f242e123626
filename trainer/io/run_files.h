#pragma once
// The single files at the root of an output directory (adapter, run.json, ...), whole or absent like its checkpoints:
// written under a temporary name, flushed, renamed, and the directory flushed. For the holder of the lock. Errors as
// io/atomic_file's and OutputLock::confirm's.

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "io/output_lock.h"

namespace vernier {

// The bytes appear under the name at once, instead of what was there; nothing is left behind on failure.
void write_run_file(const OutputLock& lock, const std::string& name, std::string_view bytes);

// The same for a file that is too large for memory: `write` makes and flushes it at the path that it is given.
void write_run_file(const OutputLock& lock, const std::string& name,
                    const std::function<void(const std::string& path)>& write);

// Removes those of the files that are there, and flushes the directory.
void remove_run_files(const OutputLock& lock, std::initializer_list<const char*> names);

}  // namespace vernier

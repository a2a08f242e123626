#include "io/run_files.h"

#include "io/atomic_file.h"

namespace vernier {

void write_run_file(const OutputLock& lock, const std::string& name, std::string_view bytes) {
  lock.confirm();
  write_file_atomically(lock.path(name), bytes, lock.files());
}

void write_run_file(const OutputLock& lock, const std::string& name,
                    const std::function<void(const std::string& path)>& write) {
  lock.confirm();
  const std::string path = lock.path(name), temporary = temporary_path(path);
  try {
    write(temporary);
    replace_by_rename(temporary, path, lock.files());
  } catch (...) {
    remove_quietly(temporary, lock.files());
    throw;
  }
}

void remove_run_files(const OutputLock& lock, std::initializer_list<const char*> names) {
  lock.confirm();
  for (const char* name : names) remove_tree(lock.path(name), lock.files());
  sync_directory(lock.output_dir(), lock.files());
}

}  // namespace vernier

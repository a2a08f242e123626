#include "infer/output_path.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "io/atomic_file.h"

namespace vernier {

void check_output_path(const std::string& path, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (path.empty() || fs::is_directory(path, ignored))
    throw Error(ErrorKind::kInput, "is a directory, not a file to write", path, "name a file with --out");
  for (const std::string& input : inputs)
    if (fs::equivalent(path, input, ignored))
      throw Error(ErrorKind::kInput, str("is the file that is read: ", input), path, "name another file with --out");
  const std::string directory = parent_directory(path);
  if (!fs::is_directory(directory, ignored))
    throw Error(ErrorKind::kInput, "the directory for this file does not exist", path, "mkdir -p " + directory);
  if (::access(directory.c_str(), W_OK) != 0)
    throw Error(ErrorKind::kInput, "the directory for this file is not writable", path);
}

}  // namespace vernier

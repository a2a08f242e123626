#include "data/rows_paths.h"

#include <glob.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace vernier {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kReadable = {".jsonl", ".ndjson", ".json"};
constexpr std::array<std::string_view, 14> kUnreadable = {".gz",      ".zst", ".bz2", ".xz",      ".zip",
                                                          ".tar",     ".7z",  ".csv", ".parquet", ".arrow",
                                                          ".feather", ".tsv", ".pkl", ".npy"};
constexpr const char* kSupported =
    "supported: .jsonl (an object a line), .json (a list of objects), .txt (completion: a row a line)";

template <std::size_t N>
bool one_of(std::string_view extension, const std::array<std::string_view, N>& extensions) {
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

std::vector<std::string> files_of_folder(const DatasetConfig& dataset) {
  std::vector<std::string> files;
  std::error_code problem;
  for (fs::directory_iterator entry(dataset.path, problem), end; !problem && entry != end; entry.increment(problem)) {
    const fs::path& path = entry->path();
    std::error_code unreadable;
    if (path.filename().string().starts_with('.') || entry->is_directory(unreadable)) continue;
    const std::string extension = path.extension().string();
    if (one_of(extension, kUnreadable))
      throw Error(ErrorKind::kInput, str("the folder holds ", path.string(), ", a kind that cannot be read"),
                  dataset.where, kSupported);
    if (one_of(extension, kReadable) || (extension == ".txt" && dataset.type == DatasetType::kCompletion))
      files.push_back(path.string());
  }
  if (problem)
    throw Error(ErrorKind::kInput, str("cannot read the folder ", dataset.path, ": ", problem.message()),
                dataset.where);
  if (files.empty())
    throw Error(ErrorKind::kInput, str("no data file in the folder ", dataset.path), dataset.where, kSupported);
  return files;
}

std::vector<std::string> files_of_pattern(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0)
    for (std::size_t i = 0; i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  globfree(&found);
  return files;
}

// "file:line:column" without its numbers: the folder of the configuration.
fs::path folder_of_config(const std::string& where) {
  const std::size_t colon = where.rfind(':');
  const std::size_t colon_before = colon == std::string::npos || colon == 0 ? colon : where.rfind(':', colon - 1);
  return fs::path(where.substr(0, colon_before)).parent_path();
}

[[noreturn]] void throw_absent(const DatasetConfig& dataset, bool pattern) {
  std::string fix = "paths are relative to the working directory";
  if (const fs::path folder = folder_of_config(dataset.where);
      !folder.empty() && !fs::path(dataset.path).is_absolute()) {
    const std::string beside = (folder / dataset.path).lexically_normal().string();
    std::error_code problem;
    if (pattern ? !files_of_pattern(beside).empty() : fs::exists(beside, problem))
      fix = str("paths are relative to the working directory; beside the configuration there is ", beside);
  }
  const std::string what = dataset.path.empty() ? "the data set has no path"
                           : pattern            ? "no file matches " + dataset.path
                                                : "no such file or folder: " + dataset.path;
  throw Error(ErrorKind::kInput, what, dataset.where, fix);
}

}  // namespace

std::vector<std::string> find_data_files(const DatasetConfig& dataset) {
  std::error_code problem;
  const fs::file_status status = fs::status(dataset.path, problem);
  if (fs::is_regular_file(status)) return {dataset.path};
  std::vector<std::string> files;
  if (fs::is_directory(status)) {
    files = files_of_folder(dataset);
  } else if (fs::exists(status)) {
    throw Error(ErrorKind::kInput, dataset.path + " is not a regular file or folder", dataset.where);
  } else {
    const bool pattern = dataset.path.find_first_of("*?[") != std::string::npos;
    if (pattern) files = files_of_pattern(dataset.path);
    if (files.empty()) throw_absent(dataset, pattern);
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace vernier

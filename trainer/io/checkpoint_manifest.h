#pragma once
// manifest.json of a checkpoint (io/run_store draws it) or of the adapter at the root of an output directory: what the
// files beside it must be, and a sum over itself.

#include <cstdint>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace vernier {

inline constexpr const char* kManifestName = "manifest.json";

struct CheckpointManifest {
  struct File {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t xxh3 = 0;
  };

  std::int64_t step = 0;  // the files are those after it
  std::vector<File> files;
};

// The bytes of manifest.json.
std::string manifest_text(const CheckpointManifest& manifest);

// Reads DIR/manifest.json. Error(kIntegrity) when it is missing or any byte of it changed.
CheckpointManifest read_manifest(const std::string& checkpoint_dir, FileSystem& files = local_file_system());

// Size and hash of the file at `path`, read in pieces. Error(kInput) when it is absent or cannot be read.
CheckpointManifest::File sum_file(const std::string& path, const std::string& name, FileSystem& files);

// Error(kIntegrity) naming the file in `checkpoint_dir` that is missing, of another size, or of other bytes.
void verify_file(const std::string& checkpoint_dir, const CheckpointManifest::File& file, FileSystem& files);

}  // namespace vernier

#include "commands/used_directory.h"

#include <filesystem>
#include <system_error>

#include "io/peft_files.h"
#include "io/run_store.h"

namespace vernier {

std::optional<Error> refused_output_dir(const TrainConfig& train) {
  const std::string& dir = train.output_dir;
  const bool named = !train.resume_from.empty(), resume = train.resume || named;
  std::error_code ignored;
  if (train.overwrite_output_dir || !std::filesystem::is_directory(dir, ignored)) return std::nullopt;
  if (has_checkpoints(dir)) {
    if (resume) return std::nullopt;
    return Error(ErrorKind::kInput, "this directory has checkpoints", dir,
                 "--resume goes on from the newest, --overwrite-output-dir deletes them and starts again");
  }
  if (!std::filesystem::exists(dir + "/" + kAdapterWeightsName, ignored)) return std::nullopt;
  if (resume && !named)
    return Error(ErrorKind::kInput, "this directory holds a finished adapter but no checkpoint to resume from", dir,
                 "--overwrite-output-dir instead of --resume starts again over it; lora_model_dir: " + dir +
                     " with another output_dir goes on from the adapter");
  return Error(ErrorKind::kInput, "this directory holds a finished adapter", dir,
               "another output_dir keeps it, --overwrite-output-dir starts again over it");
}

}  // namespace vernier

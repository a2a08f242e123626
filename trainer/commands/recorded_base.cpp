#include "commands/recorded_base.h"

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "io/json.h"
#include "io/peft_files.h"

namespace vernier {

namespace {

// Empty: the adapter names no base.
std::string recorded_base(const std::string& adapter) {
  const auto record = read_quantization_record(adapter);
  return record ? record->base_identity : "";
}

}  // namespace

void require_recorded_base(const std::string& output_dir, const RunIdentity& now) {
  const std::string path = output_dir + "/run.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return;
  const Json saved = read_json_file(path);
  const bool same_name = saved.contains("options") &&
                         saved["options"].value("base_model", Json()) == now.options.value("base_model", Json());
  if (same_name && saved.value("base_sha256", Json(now.base)) != now.base)
    throw Error(
        ErrorKind::kInput, "the base model changed since this run was started", path,
        "restore the base; or --overwrite-output-dir instead of --resume starts again with the one that is there");
}

void note_other_base(const std::string& adapter, const std::string& base, const std::string& identity, const Log& log) {
  const std::string trained_on = recorded_base(adapter);
  if (!trained_on.empty() && trained_on != identity)
    log.warning(str("the adapter in ", adapter, " was trained on another base than ", base,
                    ", or its files changed since: this is another function than the one that was trained"));
}

void note_other_base(const std::string& adapter, const ModelDir& base, const Log& log) {
  if (!recorded_base(adapter).empty()) note_other_base(adapter, base.path(), base.identity(), log);
}

}  // namespace vernier

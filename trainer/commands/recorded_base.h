#pragma once
// The base that files of an earlier run name by its SHA-256, against the one that is there now.

#include <string>

#include "base/log.h"
#include "io/model_dir.h"
#include "train/checkpoint.h"

namespace vernier {

// For a run that starts again in `output_dir` without a checkpoint: Error(kInput) when the run.json there says that
// what lay under the same base_model had other bytes. Says nothing without a run.json, or with another base_model.
void require_recorded_base(const std::string& output_dir, const RunIdentity& now);

// Warns when the adapter's vernier.json names another base than `identity`, that of `base`.
void note_other_base(const std::string& adapter, const std::string& base, const std::string& identity, const Log& log);

// The same, with the hash of every byte of `base`; reads none for an adapter that names no base.
void note_other_base(const std::string& adapter, const ModelDir& base, const Log& log);

}  // namespace vernier

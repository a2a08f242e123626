#pragma once
// Which files a run has read, so that a later one can say which of them changed, and how.
//
//   [{"file": "data/train.jsonl", "bytes": 5120, "xxh3": "8a1f..."}, ..]   the length and XXH3-64 of the bytes

#include <string>
#include <vector>

#include "io/json.h"

namespace vernier {

// The record of these files, in their order. Reads every byte. Error(kInput) naming the file that cannot be read.
Json record_files(const std::vector<std::string>& paths);

// What became of the files of an older record, told of those that `now` has another record of, that it lacks, or that
// are new: "a.jsonl: 2 lines were appended", "b.jsonl: other bytes". The files that are there now are read again to
// find out. Empty when both records are the same, or `before` is no record.
std::vector<std::string> file_changes(const Json& before, const Json& now);

}  // namespace vernier

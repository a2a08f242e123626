#pragma once
// Logits of every position of given rows, for checking the model against other libraries: rows {"input_ids": [...]} in,
// tensors logits.0, logits.1, ... f32 [T, V] out.

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "data/tokenizer.h"
#include "model/decoder.h"

namespace vernier {

struct IdRow {
  std::vector<TokenId> ids;
  std::string where;  // "file:line"
};

// Error(kInput) naming file:line of every row (up to 20) without a list of non-negative ids, or a file without rows.
std::vector<IdRow> read_id_rows(const std::string& path);

std::int64_t longest_row_tokens(const std::vector<IdRow>& rows);

// Error(kInput) naming every row that is longer than the model has positions or holds an id outside its vocabulary.
void check_id_rows(const ModelSpec& spec, const std::vector<IdRow>& rows);

// Computes row by row, holding one row's logits at a time; `path` appears whole, by rename. Preconditions:
// check_id_rows passed, and no row is longer than max_row_tokens(model).
void write_logits(const std::string& path, const Decoder& model, const Device& device, Arena& arena,
                  const std::vector<IdRow>& rows, const Log& log);

}  // namespace vernier

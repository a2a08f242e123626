#include "infer/logits_file.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "data/rows.h"
#include "infer/row_problems.h"
#include "io/atomic_file.h"
#include "io/safetensors.h"

namespace vernier {

namespace {

constexpr const char* kShape = R"(a row is {"input_ids": [1, 2, 3]})";

// An Error from here has no place: the caller knows file and line.
std::vector<TokenId> read_ids(const Json& row) {
  const auto found = row.find("input_ids");
  if (found == row.end()) throw Error(ErrorKind::kInput, str("no \"input_ids\": ", describe_keys(row)), "", kShape);
  if (!found->is_array() || found->empty())
    throw Error(ErrorKind::kInput, "\"input_ids\" is not a list of one id or more", "", kShape);
  std::vector<TokenId> ids;
  for (const Json& value : *found) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<TokenId>::max())
      throw Error(ErrorKind::kInput, str("input_ids[", ids.size(), "] is no token id"), "", kShape);
    ids.push_back(value.get<TokenId>());
  }
  return ids;
}

at::Tensor row_logits(const Decoder& model, const Device& device, Arena& arena, const std::vector<TokenId>& ids) {
  const std::vector<TokenId> targets(ids.size(), -1);
  std::vector<std::int32_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  const std::vector<std::int32_t> row_starts = {0, static_cast<std::int32_t>(ids.size())};
  return all_logits(model, device, TokenBatch{ids, targets, positions, row_starts}, arena);
}

}  // namespace

std::vector<IdRow> read_id_rows(const std::string& path) {
  RowProblems problems;
  std::vector<IdRow> rows;
  read_rows(path, problems, [&](const Json& row, const std::string& where) { rows.push_back({read_ids(row), where}); });
  problems.raise_if_any();
  if (rows.empty()) throw Error(ErrorKind::kInput, "the file holds no rows", path, kShape);
  return rows;
}

std::int64_t longest_row_tokens(const std::vector<IdRow>& rows) {
  std::size_t longest = 0;
  for (const IdRow& row : rows) longest = std::max(longest, row.ids.size());
  return static_cast<std::int64_t>(longest);
}

void check_id_rows(const ModelSpec& spec, const std::vector<IdRow>& rows) {
  RowProblems problems;
  for (const IdRow& row : rows) {
    if (static_cast<std::int64_t>(row.ids.size()) > spec.max_positions)
      problems.add(
          Error(ErrorKind::kInput,
                str("the row has ", row.ids.size(), " tokens, and the model reads at most ", spec.max_positions),
                row.where, "shorten it"));
    for (std::size_t i = 0; i < row.ids.size(); ++i) {
      if (row.ids[i] < spec.vocab) continue;
      problems.add(
          Error(ErrorKind::kInput,
                str("input_ids[", i, "] is ", row.ids[i], ", outside the model's vocabulary of ", spec.vocab, " ids"),
                row.where, "were the ids made with this model's tokenizer?"));
      break;
    }
  }
  problems.raise_if_any();
}

void write_logits(const std::string& path, const Decoder& model, const Device& device, Arena& arena,
                  const std::vector<IdRow>& rows, const Log& log) {
  std::vector<SafetensorsWriter::Declared> tensors;
  std::map<std::string, const IdRow*> row_of;
  for (const IdRow& row : rows) {
    const std::string name = str("logits.", tensors.size());
    tensors.push_back({name, Dtype::kF32, {static_cast<std::int64_t>(row.ids.size()), model.spec.vocab}});
    row_of[name] = &row;
  }
  const std::string unfinished = path + ".tmp";
  SafetensorsWriter writer(unfinished, std::move(tensors));
  std::size_t done = 0;
  for (const SafetensorsWriter::Declared& tensor : writer.order()) {
    const at::Tensor logits = row_logits(model, device, arena, row_of.at(tensor.name)->ids);
    writer.write({static_cast<const char*>(logits.const_data_ptr()), logits.nbytes()});
    log.live(str(++done, "/", count_of(rows.size(), "row")));
  }
  writer.finish();
  replace_by_rename(unfinished, path);
  log.info(str("logits of ", count_of(rows.size(), "row"), " in ", path));
}

}  // namespace vernier

#pragma once
// Rows that are token ids already: {"input_ids": [...], "labels": [...]}, as Hugging Face's datasets keep them.

#include <optional>
#include <string_view>

#include "data/dataset.h"
#include "io/json.h"

namespace vernier {

// `labels` has the length of `input_ids`, -100 where there is no target; without it every token is one. A row may be
// empty. Error(kInput) without a place for anything else, for a value that is not a 32-bit integer, and for an
// attention_mask that hides tokens: rows are given without padding.
Row tokenized_row(const Json& record);

// The same row straight from its text, many times faster, when it is in the form that nearly all have: input_ids, then
// labels of the same length or none, integers of up to nine digits, nothing else. nullopt for all else, right or wrong.
std::optional<Row> plain_tokenized_row(std::string_view text);

}  // namespace vernier

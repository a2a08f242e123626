#include "data/bpe_vocabulary.h"

#include "base/error.h"
#include "base/text.h"

namespace vernier {
namespace {

constexpr std::int64_t kMaxId = std::int64_t{1} << 24;

}  // namespace

void Vocabulary::add(std::string_view text, std::int64_t id, const std::string& where) {
  if (id < 0 || id >= kMaxId)
    throw Error(ErrorKind::kInput, str("token \"", text, "\" has the id ", id, ", outside 0 to ", kMaxId - 1), where);
  const auto index = static_cast<std::size_t>(id);
  if (index >= by_id_.size()) by_id_.resize(index + 1, nullptr);
  if (by_id_[index] != nullptr)
    throw Error(ErrorKind::kInput, str("tokens \"", *by_id_[index], "\" and \"", text, "\" share the id ", id), where);
  texts_.emplace_back(text);
  if (!by_text_.emplace(texts_.back(), static_cast<TokenId>(id)).second)
    throw Error(ErrorKind::kInput, str("token \"", text, "\" occurs twice in the vocabulary"), where);
  by_id_[index] = &texts_.back();
}

std::optional<TokenId> Vocabulary::find(std::string_view text) const {
  const auto place = by_text_.find(text);
  if (place == by_text_.end()) return std::nullopt;
  return place->second;
}

const std::string* Vocabulary::text(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= by_id_.size()) return nullptr;
  return by_id_[static_cast<std::size_t>(id)];
}

}  // namespace vernier

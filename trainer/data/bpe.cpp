#include "data/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "data/unicode.h"

namespace vernier {
namespace {

constexpr std::size_t kShortWord = 40;  // up to here a scan of all pairs beats a heap
constexpr std::uint32_t kNoMerge = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kEmptySlot = std::numeric_limits<std::uint64_t>::max();

constexpr std::array<char32_t, 256> make_byte_alphabet() {
  std::array<char32_t, 256> alphabet{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
    alphabet[byte] = printable ? byte : next++;
  }
  return alphabet;
}

constexpr std::array<char32_t, 256> kByteAlphabet = make_byte_alphabet();

constexpr std::array<std::int16_t, 0x144> make_alphabet_bytes() {
  std::array<std::int16_t, 0x144> bytes{};
  bytes.fill(-1);
  for (std::size_t byte = 0; byte < 256; ++byte) bytes[kByteAlphabet[byte]] = static_cast<std::int16_t>(byte);
  return bytes;
}

constexpr std::array<std::int16_t, 0x144> kAlphabetBytes = make_alphabet_bytes();

}  // namespace

const std::array<char32_t, 256>& byte_alphabet() {
  return kByteAlphabet;
}

std::optional<std::string> bytes_of_alphabet(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (point.value >= kAlphabetBytes.size() || kAlphabetBytes[point.value] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabetBytes[point.value]));
    at += point.bytes;
  }
  return bytes;
}

std::string byte_token_text(unsigned byte, bool byte_level) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (!byte_level) return {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
  std::string text;
  append_utf8(text, kByteAlphabet[byte]);
  return text;
}

BpeMerge merge_from_texts(const Vocabulary& vocabulary, const std::string& left, const std::string& right,
                          std::size_t rank, const std::string& where) {
  const auto id_of = [&](const std::string& text) {
    const auto id = vocabulary.find(text);
    if (!id)
      throw Error(ErrorKind::kInput,
                  str("the merge \"", left, "\" + \"", right, "\" needs the token \"", text,
                      "\", which is not in the vocabulary"),
                  where);
    return *id;
  };
  return {id_of(left), id_of(right), id_of(left + right), static_cast<std::uint32_t>(rank)};
}

BpeMergeTable::BpeMergeTable(const std::vector<BpeMerge>& merges) {
  const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(merges.size() * 2, 16));
  shift_ = 64u - static_cast<unsigned>(std::countr_zero(capacity));
  slots_.assign(capacity, {kEmptySlot, 0, 0});
  for (const BpeMerge& merge : merges) {
    const std::uint64_t key = key_of(merge.left, merge.right);
    slots_[slot_of(key)] = {key, merge.rank, merge.result};
  }
}

std::uint64_t BpeMergeTable::key_of(TokenId left, TokenId right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

std::size_t BpeMergeTable::slot_of(std::uint64_t key) const {
  std::size_t slot = static_cast<std::size_t>((key ^ key >> 29) * 0x9E3779B97F4A7C15ull >> shift_);
  while (slots_[slot].key != key && slots_[slot].key != kEmptySlot) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

const BpeMergeTable::Entry* BpeMergeTable::find(TokenId left, TokenId right) const {
  const Entry& entry = slots_[slot_of(key_of(left, right))];
  return entry.key == kEmptySlot ? nullptr : &entry;
}

Bpe::Bpe(Vocabulary vocabulary, const std::vector<BpeMerge>& merges, const BpeOptions& options)
    : vocabulary_(std::move(vocabulary)), merges_(merges), options_(options) {
  for (unsigned byte = 0; byte < 256; ++byte)
    byte_ids_[byte] = vocabulary_.find(byte_token_text(byte, options_.byte_level));
  for (unsigned byte = 0; byte < 128; ++byte)
    ascii_ids_[byte] = vocabulary_.find(std::string(1, static_cast<char>(byte)));
  if (!options_.byte_level || !options_.ignore_merges) return;
  for (std::int64_t id = 0; id < vocabulary_.end_id(); ++id) {
    const std::string* text = vocabulary_.text(static_cast<TokenId>(id));
    if (text == nullptr) continue;
    if (auto bytes = bytes_of_alphabet(*text)) byte_words_.emplace(std::move(*bytes), static_cast<TokenId>(id));
  }
}

std::optional<TokenId> Bpe::whole(std::string_view word) const {
  if (!options_.byte_level) return vocabulary_.find(word);
  const auto place = byte_words_.find(std::string(word));
  if (place == byte_words_.end()) return std::nullopt;
  return place->second;
}

// An unk waits until the next known symbol, so that fuse_unk can lengthen it; bytes of the fallback do not end the wait
// (the order that Hugging Face gives when only some bytes have tokens).
void Bpe::start_symbols(std::string_view word, std::vector<TokenId>& ids) const {
  bool unk_waits = false;
  const auto add_known = [&](TokenId id) {
    if (std::exchange(unk_waits, false)) ids.push_back(*options_.unk);
    ids.push_back(id);
  };
  const auto has_token = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)].has_value(); };
  for (std::size_t at = 0; at < word.size();) {
    const auto lead = static_cast<unsigned char>(word[at]);
    const std::size_t length = options_.byte_level ? 1 : decode_utf8(word, at).bytes;
    const std::string_view character = word.substr(at, length);
    at += length;
    const std::optional<TokenId> id = options_.byte_level ? byte_ids_[lead]
                                      : length == 1       ? ascii_ids_[lead]
                                                          : vocabulary_.find(character);
    if (id) {
      add_known(*id);
    } else if (options_.byte_fallback && std::all_of(character.begin(), character.end(), has_token)) {
      for (const char byte : character) ids.push_back(*byte_ids_[static_cast<unsigned char>(byte)]);
    } else if (options_.unk) {
      if (unk_waits && !options_.fuse_unk) ids.push_back(*options_.unk);
      unk_waits = true;
    }
  }
  if (unk_waits) ids.push_back(*options_.unk);
}

void Bpe::encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const {
  if (word.size() >= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw Error(ErrorKind::kInput, "a word of a text is over 2 GiB", "", "split the text");
  if (options_.ignore_merges)
    if (const auto id = whole(word)) return out.push_back(*id);
  scratch.ids.clear();
  start_symbols(word, scratch.ids);
  if (scratch.ids.size() <= kShortWord)
    merge_short(scratch);
  else
    merge_long(scratch);
  out.insert(out.end(), scratch.ids.begin(), scratch.ids.end());
}

void Bpe::merge_short(Scratch& scratch) const {
  auto& ids = scratch.ids;
  auto& ranks = scratch.ranks;  // ranks[i]: of the pair (i, i + 1)
  const auto rank_at = [&](std::size_t i) {
    const auto* merge = merges_.find(ids[i], ids[i + 1]);
    return merge == nullptr ? kNoMerge : merge->rank;
  };
  ranks.clear();
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) ranks.push_back(rank_at(i));
  while (!ranks.empty()) {
    const auto best = std::min_element(ranks.begin(), ranks.end());
    if (*best == kNoMerge) return;
    const auto i = static_cast<std::size_t>(best - ranks.begin());
    ids[i] = merges_.find(ids[i], ids[i + 1])->result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    ranks.erase(best);
    if (i < ranks.size()) ranks[i] = rank_at(i);
    if (i > 0) ranks[i - 1] = rank_at(i - 1);
  }
}

void Bpe::merge_long(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  const auto count = static_cast<std::int32_t>(scratch.ids.size());
  const auto symbol = [&](std::int32_t i) -> Scratch::Symbol& { return symbols[static_cast<std::size_t>(i)]; };
  const auto candidate = [&](std::int32_t left) {
    const std::int32_t right = symbol(left).next;
    const auto* merge = right < 0 ? nullptr : merges_.find(symbol(left).id, symbol(right).id);
    if (merge == nullptr) return false;
    heap.push_back({static_cast<std::uint64_t>(merge->rank) << 32 | static_cast<std::uint32_t>(left), symbol(left).id,
                    symbol(right).id});
    return true;
  };
  symbols.clear();
  heap.clear();
  for (std::int32_t i = 0; i < count; ++i)
    symbols.push_back({scratch.ids[static_cast<std::size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1});
  for (std::int32_t i = 0; i < count; ++i) candidate(i);
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const Scratch::Candidate top = heap.back();
    heap.pop_back();
    const auto left = static_cast<std::int32_t>(top.rank_and_position & 0xFFFFFFFFu);
    const std::int32_t right = symbol(left).next;
    // Neighbours changed since the candidate was made: a merged-away symbol has id -1.
    if (symbol(left).id != top.left || right < 0 || symbol(right).id != top.right) continue;
    symbol(left).id = merges_.find(top.left, top.right)->result;
    symbol(left).next = symbol(right).next;
    symbol(right).id = -1;
    if (symbol(left).next >= 0) symbol(symbol(left).next).previous = left;
    if (candidate(left)) std::push_heap(heap.begin(), heap.end(), std::greater<>());
    if (symbol(left).previous >= 0 && candidate(symbol(left).previous))
      std::push_heap(heap.begin(), heap.end(), std::greater<>());
  }
  scratch.ids.clear();
  for (std::int32_t i = 0; i >= 0; i = symbol(i).next) scratch.ids.push_back(symbol(i).id);
}

}  // namespace vernier

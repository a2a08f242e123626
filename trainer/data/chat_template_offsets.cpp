#include "data/chat_template_offsets.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/text.h"
#include "data/jinja/unicode.h"

namespace vernier {
namespace {

// GPT-2's alphabet: the printable Latin-1 characters stand for their bytes, U+0100 and on for the 68 others.
std::optional<std::string> byte_level_text(std::string_view token) {
  static const std::array<int, 324> kBytes = [] {
    std::array<int, 324> bytes{};
    int other = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      if (byte < 256) bytes[static_cast<std::size_t>(byte)] = plain ? byte : -1;
      if (!plain) bytes[static_cast<std::size_t>(other++)] = byte;
    }
    return bytes;
  }();
  std::string out;
  for (std::size_t at = 0; at < token.size();) {
    const char32_t c = jinja::next_code_point(token, at);
    if (c >= kBytes.size() || kBytes[c] < 0) return std::nullopt;
    out.push_back(static_cast<char>(kBytes[c]));
  }
  return out;
}

// SentencePiece's: U+2581 is a space, "<0x0A>" a byte.
std::string sentencepiece_text(const std::string& token) {
  if (token.size() == 6 && starts_with(token, "<0x") && token[5] == '>')
    return {static_cast<char>(std::strtoul(token.substr(3, 2).c_str(), nullptr, 16))};
  static constexpr std::string_view kSpace = "\xE2\x96\x81";
  std::string out;
  for (std::size_t at = 0; at < token.size();) {
    const bool space = token.compare(at, kSpace.size(), kSpace) == 0;
    out.push_back(space ? ' ' : token[at]);
    at += space ? kSpace.size() : 1;
  }
  return out;
}

// The ends of the tokens if their texts, read one way or the other, make up `text`; else nothing. A space that the
// tokenizer put before a word (SentencePiece's dummy prefix) counts as no byte.
std::vector<std::size_t> read_along(std::string_view text, const std::vector<TokenId>& ids, const Tokenizer& tokenizer,
                                    bool byte_level) {
  std::vector<std::size_t> ends;
  std::size_t at = 0;
  for (const TokenId id : ids) {
    const std::string token = tokenizer.token_text(id);
    const std::optional<std::string> first = byte_level ? byte_level_text(token) : sentencepiece_text(token);
    const auto fits = [&](std::string_view piece) { return text.compare(at, piece.size(), piece) == 0; };
    if (first && fits(*first)) {
      at += first->size();
    } else if (fits(token)) {
      at += token.size();
    } else if (!byte_level && starts_with(*first, " ") && fits(std::string_view(*first).substr(1))) {
      at += first->size() - 1;
    } else {
      return {};
    }
    ends.push_back(at);
  }
  return at == text.size() ? ends : std::vector<std::size_t>{};
}

}  // namespace

TokenOffsets::TokenOffsets(std::string_view text, const std::vector<TokenId>& ids, const Tokenizer& tokenizer)
    : text_(text), ids_(ids), tokenizer_(tokenizer), ends_(read_along(text, ids, tokenizer, true)) {
  if (ends_.empty()) ends_ = read_along(text, ids, tokenizer, false);
}

std::size_t TokenOffsets::ending_by(std::size_t at) const {
  if (!ends_.empty()) return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin());
  // The tokens of the text up to `at` agree with those of the whole up to the last that ends there.
  const std::vector<TokenId> prefix = tokenizer_.encode(text_.substr(0, at));
  const std::size_t shorter = std::min(prefix.size(), ids_.size());
  return static_cast<std::size_t>(
      std::mismatch(prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(shorter), ids_.begin()).first -
      prefix.begin());
}

std::size_t TokenOffsets::beginning_before(std::size_t at) const {
  if (!ends_.empty()) {
    // Token i begins where token i - 1 ends.
    if (at == 0) return 0;
    const auto place = std::lower_bound(ends_.begin(), ends_.end(), at);
    return std::min(static_cast<std::size_t>(place - ends_.begin()) + 1, ids_.size());
  }
  if (ending_by(at) == tokenizer_.encode(text_.substr(0, at)).size()) return ending_by(at);
  const std::vector<TokenId> suffix = tokenizer_.encode(text_.substr(at));
  const std::size_t shorter = std::min(suffix.size(), ids_.size());
  const auto common =
      std::mismatch(suffix.rbegin(), suffix.rbegin() + static_cast<std::ptrdiff_t>(shorter), ids_.rbegin()).first -
      suffix.rbegin();
  return ids_.size() - static_cast<std::size_t>(common);
}

std::pair<std::size_t, std::size_t> TokenOffsets::inside(std::size_t start, std::size_t end) const {
  const std::size_t first = beginning_before(start);
  return {first, std::max(first, ending_by(end))};
}

std::pair<std::size_t, std::size_t> TokenOffsets::touching(std::size_t start, std::size_t end) const {
  if (start == end) return {0, 0};
  const std::size_t first = ending_by(start);
  return {first, std::max(first, beginning_before(end))};
}

}  // namespace vernier

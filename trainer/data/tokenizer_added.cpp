#include "data/tokenizer_added.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace vernier {

AddedTokenMatcher::AddedTokenMatcher(const std::vector<AddedToken>& tokens, UnicodeClassesPtr classes)
    : tokens_(tokens), classes_(std::move(classes)), nodes_(1) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    check(!tokens_[i].content.empty(), "an added token without text");
    insert(tokens_[i].content, static_cast<std::int32_t>(i));
  }
}

void AddedTokenMatcher::insert(std::string_view content, std::int32_t token) {
  std::size_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<std::uint8_t>(c);
    auto& edges = nodes_[node].edges;
    const auto place = std::lower_bound(edges.begin(), edges.end(), byte,
                                        [](const Edge& edge, std::uint8_t value) { return edge.byte < value; });
    if (place != edges.end() && place->byte == byte) {
      node = static_cast<std::size_t>(place->node);
    } else {
      const std::size_t next = nodes_.size();
      edges.insert(place, {byte, static_cast<std::int32_t>(next)});
      nodes_.emplace_back();
      node = next;
    }
  }
  if (nodes_[node].token < 0) nodes_[node].token = token;
}

AddedTokenMatcher::Match AddedTokenMatcher::longest_at(std::string_view text, std::size_t at) const {
  Match best{at, -1};
  std::size_t node = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    const auto& edges = nodes_[node].edges;
    const auto place = std::lower_bound(edges.begin(), edges.end(), byte,
                                        [](const Edge& edge, std::uint8_t value) { return edge.byte < value; });
    if (place == edges.end() || place->byte != byte) break;
    node = static_cast<std::size_t>(place->node);
    if (nodes_[node].token >= 0) best = {i + 1, nodes_[node].token};
  }
  return best;
}

bool AddedTokenMatcher::stands_alone(std::string_view text, std::size_t start, std::size_t end) const {
  if (start > 0 && classes_->is(decode_utf8_before(text, start).value, UnicodeClasses::kWord)) return false;
  return end == text.size() || !classes_->is(decode_utf8(text, end).value, UnicodeClasses::kWord);
}

std::vector<AddedTokenMatcher::Part> AddedTokenMatcher::split(std::string_view text) const {
  std::vector<Part> parts;
  std::size_t rest = 0;  // where ordinary text goes on
  for (std::size_t at = 0; at < text.size();) {
    const Match match = longest_at(text, at);
    if (match.token < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(match.token)];
    std::size_t start = at;
    std::size_t end = match.end;
    at = match.end;
    if (token.single_word && !stands_alone(text, start, end)) continue;
    if (token.lstrip)
      while (start > rest) {
        const CodePoint before = decode_utf8_before(text, start);
        if (!classes_->is(before.value, UnicodeClasses::kSpace)) break;
        start -= before.bytes;
      }
    if (token.rstrip)
      while (end < text.size()) {
        const CodePoint after = decode_utf8(text, end);
        if (!classes_->is(after.value, UnicodeClasses::kSpace)) break;
        end += after.bytes;
      }
    if (start > rest) parts.push_back({text.substr(rest, start - rest), nullptr});
    parts.push_back({text.substr(start, end - start), &token});
    rest = end;
  }
  if (rest < text.size()) parts.push_back({text.substr(rest), nullptr});
  return parts;
}

}  // namespace vernier

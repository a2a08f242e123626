#pragma once
// A YAML 1.2 document as a small tree in which every value knows its place. Scalars stay text: what `no` or `1e-4`
// means is decided by the key that reads it, never guessed from its spelling. Anchors, aliases, merge keys and tags are
// refused while the events come in, so that nothing is ever expanded; size, depth and the number of values are bounded.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/report.h"

namespace vernier {

struct YamlKey {
  std::string text;
  Place place;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;          // kScalar: written in quotes or as a block
  std::string text;             // kScalar
  std::vector<YamlNode> items;  // kSequence: the elements; kMap: the values
  std::vector<YamlKey> keys;    // kMap: one for each item
  Place place;

  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_map() const { return kind == Kind::kMap; }
  // Empty, `~`, `null` or "": the key keeps its default.
  bool is_unset() const { return kind == Kind::kNull || (is_scalar() && text.empty()); }
};

inline constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxYamlDepth = 16;
inline constexpr std::size_t kMaxYamlValues = 20000;

// The one document in `text`; `source` names it in places. An empty text is a null node. Problems go to `report`; of a
// key that stands twice in a map, which is one, the tree has the first. After a syntax error or a broken bound nothing
// more is read, and there is no tree.
std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& source, Report& report);

}  // namespace vernier

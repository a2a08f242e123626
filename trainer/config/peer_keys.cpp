#include "config/peer_keys.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "config/keys.h"
#include "config/values.h"

namespace vernier {

namespace {

std::vector<PeerKey> all_peer_keys() {
  std::vector<PeerKey> all = translated_peer_keys();
  for (auto part : {noted_peer_keys(), refused_peer_keys()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::map<std::string, const PeerKey*, std::less<>> index_peer_keys(const std::vector<PeerKey>& all) {
  std::map<std::string, const PeerKey*, std::less<>> index;
  for (const PeerKey& key : all) {
    check(find_key(key.name).key == nullptr, "a peer's key is not one of ours");
    check(index.emplace(key.name, &key).second, "a peer's key is in the list once");
  }
  return index;
}

}  // namespace

const std::vector<PeerKey>& peer_keys() {
  static const std::vector<PeerKey> list = all_peer_keys();
  return list;
}

const PeerKey* find_peer_key(std::string_view name) {
  static const auto index = index_peer_keys(peer_keys());
  const auto it = index.find(name);
  if (it != index.end()) return it->second;
  for (std::string prefix(name); !prefix.empty(); prefix.pop_back()) {
    const auto covering = index.find(prefix + "*");
    if (covering != index.end()) return covering->second;
  }
  return nullptr;
}

std::string value_word(const YamlNode& node) {
  if (!node.is_scalar()) return "";
  if (const auto flag = parse_bool(node.text)) return *flag ? "true" : "false";
  if (const auto number = parse_number(node.text)) return number_text(*number);
  return lower_case(node.text);
}

bool accepts(const PeerKey& key, const YamlNode& node) {
  if (node.is_unset() || (!node.is_scalar() && node.items.empty())) return true;
  if (node.is_map()) return false;
  const std::vector<YamlNode> items = node.is_sequence() ? node.items : std::vector<YamlNode>{node};
  return std::all_of(items.begin(), items.end(), [&](const YamlNode& item) {
    return std::find(key.accepted.begin(), key.accepted.end(), value_word(item)) != key.accepted.end();
  });
}

}  // namespace vernier

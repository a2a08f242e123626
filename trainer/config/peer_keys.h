#pragma once
// Keys of Axolotl, LLaMA-Factory, TRL, PEFT and others that are no key of ours: those that say the same with other
// values are translated, those that change nothing here are noted, and those that would change the result are refused
// with the reason. Plain aliases are in keys.h.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml_node.h"

namespace vernier {

struct PeerKey {
  enum class Kind { kTranslated, kNoted, kRefused };

  Kind kind = Kind::kNoted;
  std::string name;  // with * at its end: every key that begins so and is not in the list itself
  std::string peer;
  std::string text;  // kNoted: why it has no effect; otherwise why a value is refused

  // kTranslated: the key it sets, and {its word, the value for that key}; an empty value leaves the key unset.
  std::string canonical;
  std::vector<std::pair<std::string, std::string>> values;
  bool others_pass = false;  // values without a pair are read by the key itself

  std::vector<std::string> accepted;  // kRefused: words that ask for what happens here anyway
};

const std::vector<PeerKey>& peer_keys();
// nullptr for a name that no peer key covers.
const PeerKey* find_peer_key(std::string_view name);

// A scalar as the tables spell it: lower case, true/false for every boolean, 1 for 1.0. "" for lists and maps.
std::string value_word(const YamlNode& node);
// kRefused: whether the value, or every value of the list, is among the accepted ones; an empty list or map is.
bool accepts(const PeerKey& key, const YamlNode& node);

// The parts of the table, in peer_keys_*.cpp.
std::vector<PeerKey> translated_peer_keys();
std::vector<PeerKey> noted_peer_keys();
std::vector<PeerKey> refused_peer_keys();

}  // namespace vernier

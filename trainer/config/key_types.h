#pragma once
// Builders of keys by type. `access` is a generic lambda that returns the reference of a field in a Config, const or
// not: `[](auto& c) -> auto& { return c.lora.r; }`; the default's text is what a fresh Config holds there.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/keys.h"
#include "config/values.h"

namespace vernier::key_types {

// A count of steps, rows or tokens; the product of two stays far below 2^63.
inline constexpr std::int64_t kMostCount = 1'000'000'000;

struct Head {
  std::string name;
  std::vector<Alias> aliases;
  std::string help;
  std::string unset = "";  // what the default means in words, where the field's own value does not say it
};

// One value from `low` to `high`; `low` itself only where `low_open` is false, and `high` likewise.
struct NumberRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;

  bool holds(double value) const;
  std::string text() const;
};

struct IntegerRange {
  std::int64_t low = 0;
  std::int64_t high = kMostCount;

  bool holds(std::int64_t value) const { return value >= low && value <= high; }
  std::string text() const;
};

// Reports that `key` cannot hold what `node` says.
void refuse_value(const std::string& key, const YamlNode& node, const std::string& expected, Report& report,
                  const std::string& fix = "");

// The value of a node in a message: its text in quotes, or "a list", "a map".
std::string shown(const YamlNode& node);

// Readers shared by keys and by the keys inside a data set's entry; nothing when the report has been told why.
std::optional<bool> read_bool(const std::string& key, const YamlNode& node, Report& report);
std::optional<std::int64_t> read_integer(const std::string& key, const YamlNode& node, const IntegerRange& range,
                                         Report& report);
std::optional<double> read_number(const std::string& key, const YamlNode& node, const NumberRange& range,
                                  Report& report);
std::optional<std::string> read_text(const std::string& key, const YamlNode& node, Report& report);

Key make_key(Head head, std::string values, std::function<void(const YamlNode&, Config&, Report&)> read,
             std::function<std::string(const Config&)> write);

template <typename Access>
Key bool_key(Head head, Access access) {
  const std::string name = head.name;
  Key key = make_key(
      std::move(head), "true or false",
      [=](const YamlNode& node, Config& config, Report& report) {
        if (const auto value = read_bool(name, node, report)) access(config) = *value;
      },
      [=](const Config& config) { return std::string(access(config) ? "true" : "false"); });
  key.is_flag = true;
  return key;
}

// A field of an integer type, or an optional of one. `zero_is_unset`: the field's 0 stands for "not given".
template <typename Access>
Key integer_key(Head head, Access access, IntegerRange range, bool zero_is_unset = false) {
  const std::string name = head.name;
  return make_key(
      std::move(head), range.text(),
      [=](const YamlNode& node, Config& config, Report& report) {
        using Field = std::remove_cvref_t<decltype(access(config))>;
        if (const auto value = read_integer(name, node, range, report)) {
          if constexpr (std::is_integral_v<Field>) {
            access(config) = static_cast<Field>(*value);
          } else {
            access(config) = *value;
          }
        }
      },
      [=](const Config& config) -> std::string {
        const auto& field = access(config);
        if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(field)>>) {
          return zero_is_unset && field == 0 ? "" : str(field);
        } else {
          return field ? str(*field) : "";
        }
      });
}

// A field of type double, or an optional of it.
template <typename Access>
Key number_key(Head head, Access access, NumberRange range) {
  const std::string name = head.name;
  return make_key(
      std::move(head), range.text(),
      [=](const YamlNode& node, Config& config, Report& report) {
        if (const auto value = read_number(name, node, range, report)) access(config) = *value;
      },
      [=](const Config& config) -> std::string {
        const auto& field = access(config);
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, double>) {
          return number_text(field);
        } else {
          return field ? number_text(*field) : "";
        }
      });
}

// A size in memory, of at least `least` bytes: an optional of an integer. auto: not set.
template <typename Access>
Key bytes_key(Head head, Access access, std::int64_t least) {
  const std::string name = head.name;
  const std::string lowest = "at least " + format_bytes(static_cast<std::uint64_t>(least));
  const std::string values = str("auto, or a size: 8GB, 800MB, 1.5GiB", least > 1 ? "; " + lowest : "");
  return make_key(
      std::move(head), values,
      [=](const YamlNode& node, Config& config, Report& report) {
        const std::string text = node.is_scalar() ? lower_case(node.text) : "";
        const auto bytes = text == "0" ? std::optional<std::int64_t>(0) : parse_bytes(text);
        if (text == "auto") {
          access(config).reset();
        } else if (bytes && *bytes < least) {
          report.problem(str(name, ": ", shown(node), " is too small"), node.place, lowest);
        } else if (bytes) {
          access(config) = *bytes;
        } else {
          refuse_value(name, node, values, report);
        }
      },
      [=](const Config& config) { return access(config) ? str(*access(config), "B") : std::string(); });
}

template <typename Access>
Key text_key(Head head, std::string values, Access access) {
  const std::string name = head.name;
  return make_key(
      std::move(head), std::move(values),
      [=](const YamlNode& node, Config& config, Report& report) {
        if (const auto value = read_text(name, node, report)) access(config) = *value;
      },
      [=](const Config& config) -> std::string {
        const std::string& field = access(config);
        return field.empty() ? "" : yaml_text(field);
      });
}

// What a word stands for. Several words may stand for one value: the first is the canonical one.
template <typename Value>
struct Word {
  std::string text;
  Value value;
};

// Words that other projects know and this one has not, with the reason.
struct KnownWord {
  std::string text;
  std::string reason;
};

// Finds `text` among the words: exactly, in lower case, or as true or false spelt otherwise.
template <typename Value>
const Word<Value>* find_word(const std::vector<Word<Value>>& words, const std::string& text) {
  const auto find = [&](const std::string& wanted) -> const Word<Value>* {
    const auto it = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.text == wanted; });
    return it == words.end() ? nullptr : &*it;
  };
  if (const auto* word = find(lower_case(text))) return word;
  const auto flag = parse_bool(text);
  return flag ? find(*flag ? "true" : "false") : nullptr;
}

template <typename Value>
std::string word_list(const std::vector<Word<Value>>& words) {
  std::string list;
  std::vector<Value> listed;
  for (const auto& word : words) {
    if (std::find(listed.begin(), listed.end(), word.value) != listed.end()) continue;
    listed.push_back(word.value);
    list += (list.empty() ? "" : ", ") + word.text;
  }
  return list;
}

// Reports an unknown word. Proposes the one of `spellings` that it is but for case, punctuation and a module's name in
// front (bnb.optim.AdamW8bit); else gives the reason when it is one of `known`; else proposes the nearest of `words`.
void refuse_word(const std::string& key, const YamlNode& node, const std::string& words,
                 const std::vector<KnownWord>& known, Report& report, const std::vector<std::string>& spellings = {});

template <typename Access, typename Value>
Key word_key(Head head, Access access, std::vector<Word<Value>> words, std::vector<KnownWord> known = {}) {
  const std::string name = head.name;
  const std::string list = word_list(words);
  std::vector<std::string> spellings;
  for (const auto& word : words) spellings.push_back(word.text);
  return make_key(
      std::move(head), list,
      [=](const YamlNode& node, Config& config, Report& report) {
        const auto* word = node.is_scalar() ? find_word(words, node.text) : nullptr;
        if (word) {
          access(config) = word->value;
        } else {
          refuse_word(name, node, list, known, report, spellings);
        }
      },
      [=](const Config& config) {
        const auto it =
            std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.value == access(config); });
        if (it == words.end()) return std::string();
        const bool plain = it->text == "true" || it->text == "false" || parse_number(it->text);
        return plain ? it->text : yaml_text(it->text);
      });
}

// A key with one meaning in this build: the values that say so are accepted, alone or as a list; all others are refused
// with `reason`. `written` is the canonical one.
Key fixed_key(Head head, std::vector<std::string> accepted, std::string written, std::string reason);

}  // namespace vernier::key_types

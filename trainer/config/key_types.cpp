#include "config/key_types.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>

namespace vernier::key_types {

bool NumberRange::holds(double value) const {
  return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
}

std::string NumberRange::text() const {
  std::string text = "a number";
  if (std::isfinite(low)) text += str(low_open ? " above " : " from ", low);
  if (std::isfinite(high)) text += str(std::isfinite(low) ? ", " : " ", high_open ? "below " : "at most ", high);
  return text;
}

std::string IntegerRange::text() const {
  return high == kMostCount ? str("a whole number, ", low, " or more") : str("a whole number from ", low, " to ", high);
}

std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  constexpr std::size_t kMostShown = 80;
  if (node.text.size() <= kMostShown) return "\"" + node.text + "\"";
  std::size_t end = kMostShown;
  while ((static_cast<unsigned char>(node.text[end]) & 0xC0) == 0x80) --end;
  return "\"" + node.text.substr(0, end) + "...\"";
}

void refuse_value(const std::string& key, const YamlNode& node, const std::string& expected, Report& report,
                  const std::string& fix) {
  report.problem(str(key, ": ", shown(node), " is not ", expected), node.place, fix);
}

std::optional<bool> read_bool(const std::string& key, const YamlNode& node, Report& report) {
  const auto value = node.is_scalar() ? parse_bool(node.text) : std::nullopt;
  if (!value) refuse_value(key, node, "true or false", report);
  return value;
}

std::optional<std::int64_t> read_integer(const std::string& key, const YamlNode& node, const IntegerRange& range,
                                         Report& report) {
  const auto value = node.is_scalar() ? parse_integer(node.text) : std::nullopt;
  if (value && range.holds(*value)) return value;
  refuse_value(key, node, range.text(), report);
  return std::nullopt;
}

std::optional<double> read_number(const std::string& key, const YamlNode& node, const NumberRange& range,
                                  Report& report) {
  const auto value = node.is_scalar() ? parse_number(node.text) : std::nullopt;
  if (value && range.holds(*value)) return value;
  refuse_value(key, node, range.text(), report);
  return std::nullopt;
}

std::optional<std::string> read_text(const std::string& key, const YamlNode& node, Report& report) {
  if (node.is_scalar()) return node.text;
  refuse_value(key, node, "a single text", report);
  return std::nullopt;
}

Key make_key(Head head, std::string values, std::function<void(const YamlNode&, Config&, Report&)> read,
             std::function<std::string(const Config&)> write) {
  Key key;
  key.default_text = head.unset.empty() ? write(Config{}) : std::move(head.unset);
  key.name = std::move(head.name);
  key.aliases = std::move(head.aliases);
  key.help = std::move(head.help);
  key.values = std::move(values);
  key.read = std::move(read);
  key.write = std::move(write);
  return key;
}

namespace {

// "bnb.optim.paged_adamw8bit" -> "pagedadamw8bit".
std::string bare_name(std::string_view text) {
  text.remove_prefix(text.rfind('.') + 1);
  std::string bare;
  std::copy_if(text.begin(), text.end(), std::back_inserter(bare),
               [](unsigned char c) { return std::isalnum(c) != 0; });
  return bare;
}

}  // namespace

void refuse_word(const std::string& key, const YamlNode& node, const std::string& words,
                 const std::vector<KnownWord>& known, Report& report, const std::vector<std::string>& spellings) {
  const std::string text = node.is_scalar() ? lower_case(node.text) : "";
  for (const std::string& spelling : spellings) {
    if (text.empty() || bare_name(spelling) != bare_name(text)) continue;
    return refuse_value(key, node, "one of: " + words, report, "did you mean " + spelling + "?");
  }
  for (const KnownWord& word : known) {
    // A name that ends in * stands for every word that begins so.
    const bool prefix = ends_with(word.text, "*") && starts_with(text, word.text.substr(0, word.text.size() - 1));
    if (text.empty() || (word.text != text && !prefix)) continue;
    report.problem(str(key, ": ", shown(node), ": ", word.reason), node.place, "one of: " + words);
    return;
  }
  const std::vector<std::string> candidates = [&] {
    std::vector<std::string> all = split(words, ',');
    for (std::string& candidate : all) candidate = trim(candidate);
    return all;
  }();
  const std::string nearest = text.empty() ? "" : nearest_name(text, candidates);
  refuse_value(key, node, "one of: " + words, report, nearest.empty() ? "" : "did you mean " + nearest + "?");
}

Key fixed_key(Head head, std::vector<std::string> accepted, std::string written, std::string reason) {
  const std::string name = head.name;
  std::vector<std::string> shown_values = accepted;
  Key key = make_key(
      std::move(head), join(shown_values, ", "),
      [=](const YamlNode& node, Config&, Report& report) {
        const auto is_accepted = [&](const YamlNode& item) {
          if (!item.is_scalar()) return false;
          const auto flag = parse_bool(item.text);
          const std::string text = flag ? (*flag ? "true" : "false") : lower_case(item.text);
          return std::find(accepted.begin(), accepted.end(), text) != accepted.end();
        };
        const std::vector<YamlNode> items = node.is_sequence() ? node.items : std::vector<YamlNode>{node};
        for (const YamlNode& item : items) {
          if (!is_accepted(item))
            report.problem(str(name, ": ", shown(item), ": ", reason), item.place, "accepted: " + join(accepted, ", "));
        }
        if (items.empty()) refuse_value(name, node, "one of: " + join(accepted, ", "), report);
      },
      [=](const Config&) { return written; });
  key.takes_yaml = true;
  return key;
}

}  // namespace vernier::key_types

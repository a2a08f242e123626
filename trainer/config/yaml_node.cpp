#include "config/yaml_node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include "base/text.h"

namespace vernier {

namespace {

// Ends the reading of a document whose problem is already in the report.
struct StopReading {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const std::string& source, Report& report)
      : text_(text), source_(source), report_(report) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_properties(mark, "", anchor);
    YamlNode node;
    node.place = place(mark);
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    report_.problem("aliases (*name) are not read", place(mark), "write the value out");
    YamlNode node;
    node.place = place(mark);
    add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_properties(mark, tag, anchor);
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.quoted = tag == "!";
    node.text = value;
    node.place = place(mark);
    if (!closes_quote(mark)) stop("the quote that opens here is not closed", node.place);
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  YamlNode take_root() { return std::move(root_); }

  Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {source_, 1, 1};
    return {source_, mark.line + 1, mark.column + 1};
  }

 private:
  struct Frame {
    YamlNode node;
    bool has_key = false;
    bool repeated = false;  // the key stands a second time: its value is read over
    std::map<std::string, Place> seen;
  };

  // yaml-cpp reports "?" for a plain value without a tag and "!" for a quoted one; a written tag starts at the mark.
  void refuse_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const bool tagged = (!tag.empty() && tag != "?" && tag != "!") || at(mark) == '!';
    if (tagged) report_.problem("tags (!name) are not read", place(mark), "remove the tag: the key decides the type");
    if (anchor != YAML::NullAnchor) report_.problem("anchors (&name) are not read", place(mark), "remove the anchor");
  }

  char at(const YAML::Mark& mark) const {
    const auto pos = static_cast<std::size_t>(std::max(mark.pos, 0));
    return pos < text_.size() ? text_[pos] : '\0';
  }

  // yaml-cpp lets the end of the file close a quote after a line break, and the rest of a file would be its text.
  bool closes_quote(const YAML::Mark& mark) const {
    const char quote = at(mark);
    if (quote != '"' && quote != '\'') return true;
    for (auto i = static_cast<std::size_t>(mark.pos) + 1; i < text_.size(); ++i) {
      const bool pair = quote == '"' ? text_[i] == '\\' : text_.substr(i, 2) == "''";
      if (pair) {
        ++i;
      } else if (text_[i] == quote) {
        return true;
      }
    }
    return false;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_properties(mark, tag, anchor);
    if (open_.size() >= kMaxYamlDepth) stop(str("values are nested deeper than ", kMaxYamlDepth), place(mark));
    if (!open_.empty() && open_.back().node.is_map() && !open_.back().has_key)
      stop("a key must be plain text, not a list or a map", place(mark));
    Frame frame;
    frame.node.kind = kind;
    frame.node.place = place(mark);
    open_.push_back(std::move(frame));
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (++values_ > kMaxYamlValues) stop(str("more than ", kMaxYamlValues, " values"), node.place);
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = open_.back();
    if (frame.node.is_map() && !frame.has_key) {
      add_key(frame, node);
      return;
    }
    frame.has_key = false;
    if (!std::exchange(frame.repeated, false)) frame.node.items.push_back(std::move(node));
  }

  void add_key(Frame& frame, const YamlNode& key) {
    if (!key.is_scalar() || key.text.empty()) stop("a key is missing before the colon", key.place);
    if (key.text == "<<") report_.problem("merge keys (<<) are not read", key.place, "write the values out");
    const auto [it, inserted] = frame.seen.emplace(key.text, key.place);
    frame.has_key = true;
    frame.repeated = !inserted;
    if (inserted) {
      frame.node.keys.push_back({key.text, key.place});
    } else {
      report_.problem(str("\"", key.text, "\" is given twice, first in line ", it->second.line), key.place,
                      "keep one of the two");
    }
  }

  [[noreturn]] void stop(const std::string& what, const Place& where) {
    report_.problem(what, where);
    throw StopReading{};
  }

  std::string_view text_;
  std::string source_;
  Report& report_;
  std::vector<Frame> open_;
  YamlNode root_;
  std::size_t values_ = 0;
};

class SecondDocument : public YAML::EventHandler {
 public:
  explicit SecondDocument(TreeBuilder& builder, Report& report) : builder_(builder), report_(report) {}
  void OnDocumentStart(const YAML::Mark& mark) override {
    report_.problem("a second document starts here; a config file holds one", builder_.place(mark));
    throw StopReading{};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  TreeBuilder& builder_;
  Report& report_;
};

Place place_of(std::string_view text, std::size_t offset, const std::string& source) {
  const std::string_view before = text.substr(0, offset);
  const auto line_start = before.rfind('\n');
  const auto column = line_start == std::string_view::npos ? offset : offset - line_start - 1;
  return {source, static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1, static_cast<int>(column) + 1};
}

bool is_readable(std::string_view text, const std::string& source, Report& report) {
  if (text.size() > kMaxYamlBytes) {
    report.problem(str("the file has ", text.size(), " bytes; a config file has at most ", kMaxYamlBytes),
                   {source, 1, 1});
    return false;
  }
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
  if (control != text.end()) {
    report.problem(str("a control character (byte ", static_cast<int>(*control), "): this is not a text file"),
                   place_of(text, static_cast<std::size_t>(control - text.begin()), source));
    return false;
  }
  if (!is_utf8(text)) {
    report.problem("the file is not UTF-8", {source, 1, 1}, "save it as UTF-8");
    return false;
  }
  return true;
}

}  // namespace

std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& source, Report& report) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (!is_readable(text, source, report)) return std::nullopt;
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(text, source, report);
  try {
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(builder)) {
      SecondDocument second(builder, report);
      parser.HandleNextDocument(second);
    }
  } catch (const StopReading&) {
    return std::nullopt;
  } catch (const YAML::Exception& problem) {
    report.problem("not valid YAML: " + problem.msg, builder.place(problem.mark));
    return std::nullopt;
  }
  return builder.take_root();
}

}  // namespace vernier

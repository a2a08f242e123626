#include "data/data_report.h"

#include <map>
#include <utility>

#include "base/text.h"
#include "io/json.h"

namespace vernier {

std::string data_report_lines(const std::vector<RowReport>& reports) {
  std::string lines;
  for (const RowReport& report : reports) {
    const Json line = {{"file", report.file},     {"line", report.line},     {"reason", report.reason},
                       {"action", report.action}, {"tokens", report.tokens}, {"kept_tokens", report.kept_tokens}};
    lines += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return lines;
}

std::string summarize_reports(const std::vector<RowReport>& reports) {
  struct Group {
    std::int64_t rows = 0, lost_tokens = 0;
  };
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const RowReport& report : reports) {
    Group& group = groups[{report.reason, report.action}];
    ++group.rows;
    group.lost_tokens += report.tokens - report.kept_tokens;
  }
  std::vector<std::string> parts;
  for (const auto& [key, group] : groups) {
    std::string part = str(count_of(group.rows, "row"), " ", key.first, " ", key.second);
    if (group.lost_tokens > 0) part += str(" (", group.lost_tokens, " tokens lost)");
    parts.push_back(std::move(part));
  }
  return join(parts, ", ");
}

}  // namespace vernier

#include "data/data_report.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/json.h"

namespace vernier {

void write_data_report(const std::string& path, const std::vector<RowReport>& reports) {
  const std::string temporary = path + ".tmp";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  for (const RowReport& report : reports) {
    const Json line = {{"file", report.file},     {"line", report.line},     {"reason", report.reason},
                       {"action", report.action}, {"tokens", report.tokens}, {"kept_tokens", report.kept_tokens}};
    out << line.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  }
  out.close();
  if (out.fail() || std::rename(temporary.c_str(), path.c_str()) != 0)
    throw Error(ErrorKind::kResource, str("cannot write the data report: ", std::strerror(errno)), path,
                "check that the directory exists, is writable and has room");
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
    std::string part = str(group.rows, group.rows == 1 ? " row " : " rows ", key.first, " ", key.second);
    if (group.lost_tokens > 0) part += str(" (", group.lost_tokens, " tokens lost)");
    parts.push_back(std::move(part));
  }
  return join(parts, ", ");
}

}  // namespace vernier

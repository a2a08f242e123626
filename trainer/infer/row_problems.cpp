#include "infer/row_problems.h"

#include "base/text.h"
#include "data/rows.h"

namespace vernier {

Error placed(const Error& problem, const std::string& where) {
  const std::string what = problem.where().empty() ? problem.what() : problem.where() + ": " + problem.what();
  return Error(problem.kind(), what, where, problem.fix());
}

void RowProblems::add(const Error& problem) {
  constexpr std::size_t kShown = 20;
  if (++total_ <= kShown) shown_.push_back(problem);
}

void RowProblems::raise_if_any() const {
  if (total_ == 0) return;
  if (total_ == 1) throw shown_.front();
  std::vector<Error> problems = shown_;
  if (total_ > shown_.size()) {
    problems.emplace_back(ErrorKind::kInput, str("... and ", total_ - shown_.size(), " more bad rows"));
  }
  throw join_errors(problems);
}

void read_rows(const std::string& path, RowProblems& problems,
               const std::function<void(Json row, const std::string& where)>& take) {
  RowReader reader(path);
  if (reader.is_text())
    throw Error(ErrorKind::kInput, "a .txt file holds text, not records", path, "give a .jsonl file: an object a line");
  RawRow raw;
  while (true) {
    try {
      if (!reader.next(raw)) return;
    } catch (const Error& problem) {
      problems.add(problem);
      return;
    }
    Json row;
    try {
      row = parse_row(raw, path);
    } catch (const Error& problem) {
      problems.add(problem);
      continue;
    }
    const std::string where = str(path, ":", raw.line);
    try {
      take(std::move(row), where);
    } catch (const Error& problem) {
      problems.add(placed(problem, where));
    }
  }
}

}  // namespace vernier

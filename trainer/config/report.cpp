#include "config/report.h"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <tuple>

#include "base/text.h"

namespace vernier {

namespace {

// A file made of mistakes should not fill the terminal.
constexpr std::size_t kMostShown = 50;

}  // namespace

std::string Place::text() const {
  return line == 0 ? source : str(source, ":", line, ":", column);
}

std::string Place::line_text() const {
  return line == 0 ? source : str(source, ":", line);
}

void Report::problem(const std::string& what, const Place& place, const std::string& fix) {
  problems_.emplace_back(place, Error(ErrorKind::kInput, what, place.text(), fix));
}

void Report::note(const std::string& text, const Place& place) {
  notes_.push_back(place.text() + ": " + text);
}

void Report::append(const Report& other) {
  problems_.insert(problems_.end(), other.problems_.begin(), other.problems_.end());
  notes_.insert(notes_.end(), other.notes_.begin(), other.notes_.end());
}

void Report::throw_problems() const {
  if (problems_.empty()) return;
  auto sorted = problems_;
  const auto rank = [](const Place& place) {
    return std::make_tuple(place.line == 0 ? INT_MAX : place.line, place.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const auto& a, const auto& b) { return rank(a.first) < rank(b.first); });
  std::vector<Error> errors;
  for (const auto& [place, error] : sorted) {
    if (errors.size() == kMostShown) {
      errors.emplace_back(ErrorKind::kInput, str("and ", sorted.size() - kMostShown, " more problems"));
      break;
    }
    errors.push_back(error);
  }
  throw join_errors(errors);
}

}  // namespace vernier

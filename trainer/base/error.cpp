#include "base/error.h"

#include <utility>

#include "base/check.h"

namespace vernier {

Error::Error(ErrorKind kind, const std::string& what, std::string where, std::string fix)
    : std::runtime_error(what), kind_(kind), where_(std::move(where)), fix_(std::move(fix)) {}

std::string Error::message() const {
  std::string text = where_.empty() ? std::string(what()) : where_ + ": " + what();
  if (!fix_.empty()) text += "\n  " + fix_;
  return text;
}

Error join_errors(const std::vector<Error>& problems) {
  check(!problems.empty(), "join_errors needs a problem");
  if (problems.size() == 1) return problems.front();
  std::string all;
  for (const Error& problem : problems) all += (all.empty() ? "" : "\n") + problem.message();
  return Error(problems.front().kind(), all);
}

}  // namespace vernier

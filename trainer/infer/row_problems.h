#pragma once
// The rows of an input file, each handed on with its place, and what is wrong with them all at once.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/json.h"

namespace vernier {

// The same problem at `where`; the place it had inside something else (a template) goes in front of what is wrong.
Error placed(const Error& problem, const std::string& where);

class RowProblems {
 public:
  void add(const Error& problem);
  // Throws the first 20 as one Error; does nothing without any.
  void raise_if_any() const;

 private:
  std::size_t total_ = 0;
  std::vector<Error> shown_;
};

// Calls `take` with every object of a JSON file and its "file:line". What it throws as Error(kInput) is collected with
// that place, and so is a row that is broken; a file that cannot be read is thrown.
void read_rows(const std::string& path, RowProblems& problems,
               const std::function<void(Json row, const std::string& where)>& take);

}  // namespace vernier

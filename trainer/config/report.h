#pragma once
// What reading a config file found: every problem with its place, so that all are shown at once, and the notes.

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vernier {

// Lines and columns count from 1, columns in bytes; line 0: `source` alone is the place (the command line).
struct Place {
  std::string source;
  int line = 0;
  int column = 0;

  std::string text() const;       // file:line:column
  std::string line_text() const;  // file:line
  bool from_command_line() const { return line == 0; }

  bool operator==(const Place&) const = default;
};

class Report {
 public:
  void problem(const std::string& what, const Place& place, const std::string& fix = "");
  void note(const std::string& text, const Place& place);
  void append(const Report& other);

  bool has_problems() const { return !problems_.empty(); }
  const std::vector<std::string>& notes() const { return notes_; }
  // Throws one Error(kInput) with all problems in the order of their places; does nothing when there are none.
  void throw_problems() const;

 private:
  std::vector<std::pair<Place, Error>> problems_;
  std::vector<std::string> notes_;
};

}  // namespace vernier

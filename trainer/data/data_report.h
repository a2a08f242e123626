#pragma once
// data_report.jsonl: every row that was not used whole, and why. A line is
//   {"file": "data/train.jsonl", "line": 57, "reason": "too_long", "action": "dropped", "tokens": 612, "kept_tokens":
//   0}

#include <string>
#include <vector>

#include "data/dataset.h"

namespace vernier {

// The bytes of data_report.jsonl.
std::string data_report_lines(const std::vector<RowReport>& reports);

// One line for people: "12 rows too_long dropped (4210 tokens), 1 row no_targets kept"; empty without reports.
std::string summarize_reports(const std::vector<RowReport>& reports);

}  // namespace vernier

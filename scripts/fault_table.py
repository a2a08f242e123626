#!/usr/bin/env python3
"""Writes the results of scripts/fault_tests.sh into docs/reliability.md: fault_table.py MACHINE [RESULTS.json]

MACHINE is what the results were taken on, in words: "2-core EPYC Zen 4 VM". The table stands between the two comments
of the page that name this script.
"""

import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "reliability.md")
BEGIN, END = "<!-- begin of what scripts/fault_table.py writes -->", "<!-- end of what scripts/fault_table.py writes -->"


def table(results, machine):
    """The lines of the table for {row: result} as scripts/fault_tests.py keeps them."""
    lines = [f"Machine: {machine}.", "", "| row | hazard | counts | trials | failures | seconds | date |",
             "| --- | --- | --- | ---: | ---: | ---: | --- |"]
    for result in sorted(results.values(), key=lambda result: int(result["row"])):
        lines.append(f"| {result['row']} | {result['hazard']} | {result['counts']} | {result['trials']} | "
                     f"{result['failures']} | {result['seconds']:.0f} | {result['date']} |")
    lines += ["", "What the tests counted:", ""]
    for result in sorted(results.values(), key=lambda result: int(result["row"])):
        lines += [f"- row {result['row']}: {text}" for text in result["counted"]]
        lines += [f"- row {result['row']}: skipped, {text}" for text in result["skipped"]]
    return lines


def with_table(page, lines):
    """The page with the lines in place of the old table; ValueError without the comments."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    path = sys.argv[2] if len(sys.argv) == 3 else os.path.join(ROOT, "build", "fault_tests", "results.json")
    with open(path, encoding="utf-8") as file:
        results = json.load(file)
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(with_table(page, table(results, sys.argv[1])))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Tables for docs/benchmarks.md out of what scripts/bench.sh printed with --benchmark_format=json: bench_table.py FILE.json

A row a kernel, a column an instruction set and type; percent of the peak loop (products, attention), GB/s (row loops)
or billion weights a second (NF4). Of several repetitions the best counts.
"""

import json
import sys

# (counter, heading, how a cell is written)
COUNTERS = (
    ("share of peak", "% of peak", lambda value: f"{100 * value:.0f}"),
    ("Gweights/s", "Gweights/s", lambda value: f"{value:.1f}"),
    ("GB/s", "GB/s", lambda value: f"{value:.0f}"),
)


def split_name(name):
    """("base_forward smollm2/q", "avx512 bf16") of "base_forward/avx512/bf16/smollm2/q"."""
    parts = name.split("/")
    typed = len(parts) > 2 and parts[2] in ("bf16", "f32")
    return " ".join([parts[0], "/".join(parts[3 if typed else 2:])]).strip(), " ".join(parts[1:3 if typed else 2])


def table(benchmarks, counter, heading, cell):
    """The lines of one table; none when no benchmark has the counter."""
    rows, columns = {}, []
    for benchmark in benchmarks:
        if counter not in benchmark or benchmark.get("run_type") == "aggregate":
            continue
        row, column = split_name(benchmark.get("run_name", benchmark["name"]))
        if column not in columns:
            columns.append(column)
        cells = rows.setdefault(row, {})
        cells[column] = max(cells.get(column, 0), benchmark[counter])
    if not rows:
        return []
    lines = [f"| {heading} | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for row, cells in rows.items():
        lines.append(f"| {row} | " + " | ".join(cell(cells[c]) if c in cells else "" for c in columns) + " |")
    return lines


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    benchmarks = json.loads(text[text.index("{"):])["benchmarks"]  # behind the line on the load
    tables = [table(benchmarks, *counter) for counter in COUNTERS]
    print("\n\n".join("\n".join(lines) for lines in tables if lines))


if __name__ == "__main__":
    main()

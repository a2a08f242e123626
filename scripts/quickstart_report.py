#!/usr/bin/env python3
"""Prints what the quickstart measured: quickstart_report.py RUN_DIR SECONDS

Reads before.jsonl, after.jsonl, before_eval.json, after_eval.json and metrics.jsonl of RUN_DIR.
"""

import json
import os
import sys

import score_records


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def training_numbers(metrics_rows):
    """(steps, tokens, tokens per second, peak bytes) of the training steps in metrics.jsonl."""
    steps = [row for row in metrics_rows if "loss" in row]
    seconds = sum(row["step_seconds"] for row in steps)
    tokens = sum(row["tokens_per_second"] * row["step_seconds"] for row in steps)
    return steps[-1]["step"], round(tokens), tokens / seconds, max(row["peak_rss_bytes"] for row in steps)


def percent(exact, total):
    return f"{100 * exact / total:.0f} %"


def samples(before, after):
    """Two held-out lines with what was written before and after: one that is now right, and one that is not."""
    right = [place for place, row in enumerate(after) if score_records.is_exact(row)]
    wrong = [place for place in range(len(after)) if place not in right]
    lines = []
    for place in (right[:1] + wrong[:1] + right[1:2])[:2]:
        lines += [f"  line    {after[place]['messages'][-2]['content']}",
                  f"  before  {before[place]['completion'].strip()[:150]!r}",
                  f"  after   {after[place]['completion'].strip()}",
                  f"          {'exactly right' if place in right else 'expected ' + after[place]['messages'][-1]['content']}",
                  ""]
    return lines


def report(folder, seconds):
    before = score_records.read_rows(os.path.join(folder, "before.jsonl"))
    after = score_records.read_rows(os.path.join(folder, "after.jsonl"))
    losses = [read_json(os.path.join(folder, name))["loss"] for name in ("before_eval.json", "after_eval.json")]
    steps, tokens, speed, peak = training_numbers(score_records.read_rows(os.path.join(folder, "metrics.jsonl")))
    exact = [percent(*score_records.share(rows)) for rows in (before, after)]
    return "\n".join([
        f"{'':26}{'before':>10}{'after':>10}",
        f"{'held-out loss':26}{losses[0]:10.4f}{losses[1]:10.4f}",
        f"{'records exactly right':26}{exact[0]:>10}{exact[1]:>10}   of {len(after)} held-out lines",
        "",
        *samples(before, after),
        f"  training         {steps} steps, {tokens} tokens, {speed:.0f} tokens/s",
        f"  peak memory      {peak / 2**20:.0f} MiB",
        f"  all of it        {seconds // 60} min {seconds % 60} s",
    ])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[0])
    print(report(sys.argv[1], int(sys.argv[2])))


if __name__ == "__main__":
    main()

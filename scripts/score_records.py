#!/usr/bin/env python3
"""Compares generated records with the expected ones: score_records.py FILE.jsonl

Each row holds `messages`, whose last turn is the expected record, and `completion`, what the model wrote. A completion
is right when all of it is one JSON object without repeated keys that equals the expected one; numbers by value.
"""

import json
import sys


def strict_object(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("repeated key")
    return dict(pairs)


def no_constant(word):
    raise ValueError(f"{word} is not JSON")


def parse(text):
    """The JSON value of a text; None when it is not strict JSON."""
    try:
        return json.loads(text, object_pairs_hook=strict_object, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return None


def same(one, other):
    """Equality of JSON values, where true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def is_exact(row):
    written = parse(row["completion"])
    return isinstance(written, dict) and same(written, parse(row["messages"][-1]["content"]))


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def share(rows):
    """(exact records, rows)."""
    return sum(map(is_exact, rows)), len(rows)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    rows = read_rows(sys.argv[1])
    exact, total = share(rows)
    for row in rows:
        if not is_exact(row):
            print(f"line     {row['messages'][-2]['content']}\nexpected {row['messages'][-1]['content']}\n"
                  f"written  {row['completion']}\n")
    print(f"{exact} of {total} records exactly right")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Sums up CTest runs: summarize_tests.py PRESET=JUNIT.xml...

Prints each failed test and each skipped one with its reason, then "N passed, N failed, N skipped". Ends with 1 when a
test failed, when nothing ran, or when an essential test was skipped: a test may be skipped only because the folder
../shared, a feature of the processor, or something else of the machine is absent, and must say so ("../shared is
absent", "this CPU lacks ...", "this machine lacks ..."; tests/support/skips.h and tests/run/support.py have the words).

A CTest case that runs a Python file passes although tests in it were skipped: `python3 -m unittest -v` prints those,
and each counts as a skipped test of its own.
"""

import re
import sys
import xml.etree.ElementTree

ALLOWED = re.compile(r"\.\./shared is absent|this (CPU|machine) lacks ")

NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what a test may print and XML may not hold


def skip_reason(output):
    """The message that GTEST_SKIP printed: what follows its line "file:line: Skipped"."""
    match = re.search(r"^\S+:\d+: Skipped\n(.*?)^\[  SKIPPED \]", output, re.MULTILINE | re.DOTALL)
    return " ".join(match.group(1).split()) if match else ""


def unittest_skips(output):
    """[(test, reason)] of what `python3 -m unittest -v` skipped."""
    return [(match.group(1), match.group(3)) for match in
            re.finditer(r"^(\S+) \(.*\)(?:\n.*)? \.\.\. skipped (['\"])(.*)\2$", output, re.MULTILINE)]


def read(path):
    """[(name, "passed" | "failed" | "skipped", reason)] of one JUnit file."""
    results = []
    with open(path, encoding="utf-8", errors="replace") as file:
        text = NOT_XML.sub("?", file.read())
    for case in xml.etree.ElementTree.fromstring(text.encode()).iter("testcase"):
        output = case.findtext("system-out") or ""
        if case.find("failure") is not None or case.get("status") == "fail":
            results.append((case.get("name"), "failed", ""))
        elif case.get("status") == "run":
            results.append((case.get("name"), "passed", ""))
            results += [(f"{case.get('name')}.{test}", "skipped", reason) for test, reason in unittest_skips(output)]
        else:
            results.append((case.get("name"), "skipped", skip_reason(output)))
    return results


def summarize(results):
    """(lines to print, whether all is well) for [(preset, name, state, reason)]."""
    lines, essential = [], 0
    for preset, name, state, reason in results:
        if state == "failed":
            lines.append(f"failed   {preset} {name}")
        elif state == "skipped":
            allowed = bool(ALLOWED.search(reason))
            essential += not allowed
            lines.append(f"skipped  {preset} {name}: {reason or 'no reason given'}{'' if allowed else ' (not allowed)'}")
    count = {state: sum(result[2] == state for result in results) for state in ("passed", "failed", "skipped")}
    if essential:
        lines.append(f"skipped and essential: {essential}, which counts as failure")
    lines.append(f"{count['passed']} passed, {count['failed'] + essential} failed, {count['skipped'] - essential} skipped")
    return lines, count["passed"] > 0 and not count["failed"] and not essential


def main():
    results = []
    for argument in sys.argv[1:]:
        preset, _, path = argument.partition("=")
        results += [(preset, *result) for result in read(path)]
    lines, good = summarize(results)
    print("\n".join(lines))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

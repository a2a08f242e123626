"""What the tree checks share: the files of the tree, the command line, and how problems are reported."""

import argparse
import os
import re
import sys

SKIPPED_FOLDERS = {"__pycache__", "golden"}


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--source", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))), metavar="DIR",
                        help="root of the tree")
    parser.add_argument("--build", metavar="DIR", help="build folder, for the checks that compile or read objects")
    return parser.parse_args()


def files(source, folders, suffixes):
    """Paths relative to `source`, sorted, of the files in `folders` that end in one of `suffixes`."""
    found = []
    for folder in folders:
        for where, inner, names in os.walk(os.path.join(source, folder)):
            inner[:] = [name for name in inner if name not in SKIPPED_FOLDERS]
            found += [os.path.relpath(os.path.join(where, name), source) for name in names if name.endswith(suffixes)]
    return sorted(found)


def read(source, path):
    with open(os.path.join(source, path), encoding="utf-8") as file:
        return file.read()


def cache_value(build, key):
    """A variable of CMakeCache.txt; "" when it is not there."""
    path = os.path.join(build, "CMakeCache.txt") if build else ""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        match = re.search(rf"^{re.escape(key)}:[A-Z]+=(.*)$", file.read(), re.MULTILINE)
    return match.group(1) if match else ""


def report(problems, checked):
    """Prints the problems and ends the process: 0 when there are none. Nothing to check is a problem too."""
    if not checked:
        problems = [*problems, "nothing to check was found: wrong --source?"]
    for problem in problems:
        print(problem)
    print(f"{checked} checked, {len(problems)} problems")
    sys.exit(1 if problems else 0)

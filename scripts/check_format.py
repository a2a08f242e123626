#!/usr/bin/env python3
"""Every C++ file of trainer/ and tests/ is as clang-format writes it, by the tree's .clang-format."""

import shutil
import subprocess

import tree


def problems_of(source, paths):
    """What clang-format would change, as its warnings; one line when it is not installed."""
    formatter = shutil.which("clang-format")
    if not formatter:
        return ["clang-format is missing: run scripts/setup.sh"]
    if not paths:
        return []
    done = subprocess.run([formatter, "--dry-run", "-Werror", "--style=file", *paths], cwd=source, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    problems = [line for line in done.stdout.splitlines() if "error:" in line]
    if done.returncode and not problems:
        problems = done.stdout.splitlines() or [f"clang-format ended with {done.returncode}"]
    return problems


def main():
    source = tree.options(__doc__).source
    paths = tree.files(source, ["trainer", "tests"], (".h", ".cpp", ".cu"))
    tree.report(problems_of(source, paths), len(paths))


if __name__ == "__main__":
    main()

import support  # noqa: F401, first: it makes the scripts importable

import os
import re
import unittest

import fault_table
import fault_tests

GTEST = """[==========] Running 3 tests from 1 test suite.
[  COUNTED ] stops: 210 (every system call, torn and whole)
[       OK ] Store.A (1 ms)
/tree/store_test.cpp:12: Skipped
this machine lacks the right to mount
[  SKIPPED ] Store.B (0 ms)
[  FAILED  ] Store.C (2 ms)
[==========] 3 tests from 1 test suite ran. (4 ms total)
[  FAILED  ] 1 test, listed below:
[  FAILED  ] Store.C
"""

PYTHON = """test_a (test_kill.Kill.test_a) ... [  COUNTED ] runs: 30 (91 kills)
ok
test_b (test_kill.Kill.test_b) ... skipped 'this machine lacks a disk'
test_c (test_kill.Kill.test_c) ... FAIL
----------------------------------------------------------------------
Ran 3 tests in 1.234s

FAILED (failures=1, errors=2, skipped=1)
"""


class Reading(unittest.TestCase):
    def test_a_gtest_program(self):
        read = fault_tests.read_output(GTEST, True)
        self.assertEqual((read["trials"], read["cases"], read["failures"]), (210, 3, 1))
        self.assertEqual(read["counted"], ["stops: 210 (every system call, torn and whole)"])
        self.assertEqual(read["skipped"], ["this machine lacks the right to mount"])

    def test_a_python_file(self):
        read = fault_tests.read_output(PYTHON, False)
        self.assertEqual((read["trials"], read["cases"], read["failures"]), (30, 3, 3))
        self.assertEqual(read["skipped"], ["this machine lacks a disk"])

    def test_cases_count_where_nothing_was_counted(self):
        self.assertEqual(fault_tests.read_output("Ran 4 tests in 2.0s\n\nOK\n", False)["trials"], 4)
        self.assertEqual(fault_tests.read_output("", True)["cases"], 0)

    def test_every_part_is_there(self):
        for _, _, parts in fault_tests.ROWS:
            for part in parts:
                if isinstance(part, tuple):
                    folder = os.path.join(support.ROOT, "tests", part[0].removeprefix("test_"))
                    suites = set()
                    for name in os.listdir(folder):
                        with open(os.path.join(folder, name), encoding="utf-8") as file:
                            suites |= set(re.findall(r"^TEST(?:_F|_P)?\((\w+),", file.read(), re.MULTILINE))
                    for pattern in part[1].split(":-")[0].split(":"):
                        suite = pattern.split(".")[0].rstrip("*")
                        self.assertTrue(any(found.startswith(suite) for found in suites), pattern)
                    continue
                for words in part:
                    module, *names = words.split(".")
                    with open(os.path.join(support.ROOT, "tests", "run", module + ".py"), encoding="utf-8") as file:
                        text = file.read()
                    for name in names:
                        self.assertRegex(text, rf"(class|def) {name}\(", words)


class Table(unittest.TestCase):
    def test_stands_between_the_comments(self):
        result = dict(row="7", hazard="bits", counts="release", trials=1000, failures=0, seconds=61.2, date="2026-01-02",
                      counted=["flipped: 1000"], skipped=[])
        lines = fault_table.table({"7": result, "1": {**result, "row": "1", "counts": "CI"}}, "a machine")
        self.assertIn("| 7 | bits | release | 1000 | 0 | 61 | 2026-01-02 |", lines)
        self.assertLess(lines.index("| 1 | bits | CI | 1000 | 0 | 61 | 2026-01-02 |"), lines.index("- row 7: flipped: 1000"))
        page = f"a\n{fault_table.BEGIN}\nold\n{fault_table.END}\nb\n"
        self.assertEqual(fault_table.with_table(page, ["new"]), f"a\n{fault_table.BEGIN}\n\nnew\n\n{fault_table.END}\nb\n")
        with self.assertRaises(ValueError):
            fault_table.with_table("no comments", ["new"])

    def test_the_page_has_the_comments(self):
        with open(fault_table.PAGE, encoding="utf-8") as file:
            self.assertIn(fault_table.END, file.read().split(fault_table.BEGIN)[1])


if __name__ == "__main__":
    unittest.main()

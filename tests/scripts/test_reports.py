import support  # noqa: F401, first: it makes the scripts importable

import json
import os
import unittest

import quickstart_report
import score_records
import summarize_tests

RECORD = '{"device":"pump-7","value":3.5,"severity":"ok"}'


def row(completion, expected=RECORD):
    return {"messages": [{"role": "user", "content": "pump-7 3.5 ok"}, {"role": "assistant", "content": expected}],
            "completion": completion}


class ScoreRecords(unittest.TestCase):
    def test_equal_values_count_however_they_are_written(self):
        self.assertTrue(score_records.is_exact(row(RECORD)))
        self.assertTrue(score_records.is_exact(row(' {"severity": "ok", "value": 3.50, "device": "pump-7"}\n')))

    def test_everything_else_does_not(self):
        for wrong in ("", "pump-7", RECORD + " done", "```json\n" + RECORD + "\n```", RECORD[:-1], "[" + RECORD + "]",
                      RECORD.replace("3.5", '"3.5"'), RECORD.replace("pump", "Pump"), RECORD.replace("3.5", "NaN"),
                      RECORD[:-1] + ',"extra":1}', RECORD[:-1] + ',"severity":"ok"}', "null", "[" * 100000):
            self.assertFalse(score_records.is_exact(row(wrong)), wrong[:60])
        self.assertFalse(score_records.is_exact(row('{"a":true}', '{"a":1}')))

    def test_counts(self):
        self.assertEqual(score_records.share([row(RECORD), row("no"), row(RECORD)]), (2, 3))


class SummarizeTests(support.TreeTest):
    def read(self, cases):
        return summarize_tests.read(self.write("tests.xml", f"<testsuite>{cases}</testsuite>"))

    def skipped(self, message):
        output = f"[ RUN ]\ntests/io/a_test.cpp:12: Skipped\n{message}\n\n[  SKIPPED ] A.B (0 ms)\n"
        return ('<testcase name="io.A.B" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>'
                f"<system-out>{output}</system-out></testcase>")

    def summarize(self, cases):
        return summarize_tests.summarize([("release", *result) for result in self.read(cases)])

    def test_passed(self):
        lines, good = self.summarize('<testcase name="a" status="run"/><testcase name="b" status="run"/>')
        self.assertEqual((lines, good), (["2 passed, 0 failed, 0 skipped"], True))

    def test_failed(self):
        lines, good = self.summarize('<testcase name="a" status="run"/><testcase name="b" status="fail">'
                                     '<failure message=""/></testcase>')
        self.assertEqual((lines, good), (["failed   release b", "1 passed, 1 failed, 0 skipped"], False))

    def test_a_skip_for_the_shared_folder_is_allowed_and_named(self):
        lines, good = self.summarize('<testcase name="a" status="run"/>' + self.skipped("../shared is absent"))
        self.assertTrue(good)
        self.assertEqual(lines, ["skipped  release io.A.B: ../shared is absent", "1 passed, 0 failed, 1 skipped"])

    def test_a_skip_for_processor_or_machine_is_allowed(self):
        for reason in ("this CPU lacks avx512", "this machine lacks /dev/full"):
            self.assertTrue(self.summarize('<testcase name="a" status="run"/>' + self.skipped(reason))[1])

    def test_a_skip_inside_a_passed_python_file_is_counted(self):
        output = ("test_a (test_check.Check.test_a) ... ok\n"
                  "test_b (test_check.Check.test_b)\nWhat it is for. ... skipped '../shared is absent: no models'\n"
                  "test_c (test_check.Check.test_c) ... skipped \"it's late\"\nOK (skipped=2)\n")
        case = f'<testcase name="run.test_check" status="run"><system-out>{output}</system-out></testcase>'
        lines, good = self.summarize(case)
        self.assertEqual(lines, ["skipped  release run.test_check.test_b: ../shared is absent: no models",
                                 "skipped  release run.test_check.test_c: it's late (not allowed)",
                                 "skipped and essential: 1, which counts as failure",
                                 "1 passed, 1 failed, 1 skipped"])
        self.assertFalse(good)

    def test_bytes_that_are_no_xml_do_not_hide_the_result(self):
        cases = '<testcase name="a" status="run"><system-out>\x1b[31m\x00</system-out></testcase>'
        self.assertEqual(self.read(cases), [("a", "passed", "")])

    def test_any_other_skip_fails(self):
        for reason in ("not today", ""):
            lines, good = self.summarize('<testcase name="a" status="run"/>' + self.skipped(reason))
            self.assertFalse(good)
            self.assertIn("not allowed", lines[0])
            self.assertEqual(lines[-1], "1 passed, 1 failed, 0 skipped")

    def test_disabled_and_not_run_fail(self):
        for status in ("disabled", "notrun"):
            self.assertFalse(self.summarize(f'<testcase name="a" status="{status}"/>')[1])

    def test_nothing_run_fails(self):
        self.assertFalse(self.summarize("")[1])


class QuickstartReport(support.TreeTest):
    def test_the_numbers_come_from_the_run(self):
        run = os.path.join(self.source, "run")
        self.write("run/before.jsonl", "".join(json.dumps(row(text)) + "\n" for text in ("Sure!", "no", "no", RECORD)))
        self.write("run/after.jsonl", "".join(json.dumps(row(text)) + "\n" for text in (RECORD, RECORD, "no", RECORD)))
        self.write("run/before_eval.json", '{"loss": 1.75, "tokens": 10}')
        self.write("run/after_eval.json", '{"loss": 0.0625, "tokens": 10}')
        step = {"loss": 1.0, "peak_rss_bytes": 512 * 2**20}
        self.write("run/metrics.jsonl", "".join(json.dumps(line) + "\n" for line in (
            {**step, "step": 1, "step_seconds": 1.0, "tokens_per_second": 100.0},
            {"step": 1, "eval_loss": 0.5},
            {**step, "step": 2, "step_seconds": 0.5, "tokens_per_second": 260.0, "peak_rss_bytes": 600 * 2**20})))
        text = quickstart_report.report(run, 125)
        for words in ("1.7500", "0.0625", "25 %", "75 %", "of 4 held-out lines", "2 steps, 230 tokens, 153 tokens/s",
                      "600 MiB", "2 min 5 s", "Sure!", "exactly right", "expected {"):
            self.assertIn(words, text)

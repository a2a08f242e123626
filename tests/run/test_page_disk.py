"""The disk under an optimizer's pages fails at any moment of a run: nothing that is half updated is saved."""
import collections
import errno
import pathlib
import shutil
import signal
import tempfile
import unittest

from fault_support import FaultTest, checkpoints_of
from support import VERNIER, fault_trials, tell_count

PARTS = ("adapter_model.safetensors", "optimizer.safetensors")


class FailingPageDisk(FaultTest):
    """Every checkpoint that a failing run leaves is that of the whole run, and the newest goes on to the same end."""

    def setUp(self):
        super().setUp()
        pages = pathlib.Path(tempfile.mkdtemp(prefix="pages-", dir=pathlib.Path(VERNIER).parent))
        self.addCleanup(shutil.rmtree, pages, ignore_errors=True)
        self.paging = dict(optimizer="paged_adamw_32bit", optimizer_memory="2MiB", paging_dir=str(pages), lora_r=512,
                           save_total_limit=0)
        if "lies in memory" in self.run_vernier("check", self.config(**self.paging)).stderr:
            self.skipTest("this machine lacks a disk under the build directory")
        self.ends = collections.Counter()
        self.environment = self.shim("failing_page_disk")

    def paged_run(self, **changes):
        """The whole run, and the calls to the disk in it."""
        self.short_run(**self.paging, **changes)
        counted = self.dir / "count"
        self.good(*self.into(self.dir / "counted", "--overwrite-output-dir"), env={**self.environment, "FAIL_COUNT": str(counted)})
        self.calls = int(counted.read_text())
        self.assertGreater(self.calls, 4 * self.STEPS, "the run needs pages on the disk")

    def failed(self, rng, out, words=(), **more):
        """A run whose disk fails somewhere; gives how it ended, with each checkpoint that it left found whole."""
        code = rng.choice((errno.EIO, errno.ENOSPC))
        faults = {"FAIL_AT": str(rng.randint(1, self.calls)), "FAIL_ERRNO": str(code), **more}
        if rng.random() < 0.5:
            faults["FAIL_ALWAYS"] = "1"
        done = self.run_vernier(*self.into(out, *words), env={**self.environment, **faults}, timeout=120)
        said = f"{faults}: {done.stderr}"
        self.ends[done.returncode] += 1
        if done.returncode == 3:
            self.assertEqual(done.stderr.count("vernier: "), 1, said)
            self.assertRegex(done.stderr, r"optimizer('s |-)pages", said)
            self.assertFalse((out / PARTS[0]).exists(), said)
        for step in checkpoints_of(out):
            for part in PARTS:
                ours, expected = ((run / f"checkpoint-{step}" / part).read_bytes() for run in (out, self.whole))
                self.assertTrue(ours == expected, f"{said} checkpoint-{step}/{part} is not that of the whole run")
        return done.returncode, said

    def resumed(self, out):
        again = self.good(*self.into(out, "--resume"))
        self.assertNotIn("passed over", again.stderr)
        self.equals_whole(out)

    def stops(self, rng, folder):
        out = folder / "out"
        code, said = self.failed(rng, out)
        self.assertIn(code, (0, 3), said)  # 0: a call that this run did not make
        self.resumed(out)

    def test_at_any_call(self):
        self.paged_run()
        count = self.trials(fault_trials(8, 300), self.stops)
        tell_count("calls of the pages' disk that failed", count, f"of {self.calls} in a run; exit codes {dict(sorted(self.ends.items()))}")

    def goes_on(self, rng, folder):
        """A save that fails with the pages is passed over, the next update cannot be."""
        out = folder / "out"
        code, said = self.failed(rng, out, ["on_save_error=continue"])
        self.assertIn(code, (0, 3), said)
        if code == 0:  # the last save alone failed, or nothing
            self.assertEqual((out / PARTS[0]).read_bytes(), (self.whole / PARTS[0]).read_bytes(), said)
            self.assertGreaterEqual(len(checkpoints_of(out)), self.STEPS - 1, said)
        else:
            self.resumed(out)

    def test_with_save_errors_passed_over(self):
        self.paged_run()
        count = self.trials(fault_trials(4, 100), self.goes_on)
        tell_count("calls of the pages' disk that failed with on_save_error: continue", count, f"exit codes {dict(sorted(self.ends.items()))}")

    def is_stopped(self, rng, folder):
        """Ctrl-C, or the end of max_time, comes with the failure: what a stop saves is whole, or is not there."""
        out = folder / "out"
        stop = rng.choice(({"FAIL_SIGNAL": str(int(signal.SIGINT))}, {"FAIL_LATE": "1"}))
        code, said = self.failed(rng, out, ["max_time=24h", f"on_save_error={rng.choice(('stop', 'continue'))}"], **stop)
        self.assertIn(code, (0, 3, 75), said)  # 75: the last that was written had failed, and nothing needed it
        self.resumed(out)

    def test_with_a_stop_that_waits(self):
        self.paged_run(save_steps=2)
        count = self.trials(fault_trials(8, 200), self.is_stopped)
        tell_count("calls of the pages' disk that failed in a run that was to stop", count, f"exit codes {dict(sorted(self.ends.items()))}")


if __name__ == "__main__":
    unittest.main()

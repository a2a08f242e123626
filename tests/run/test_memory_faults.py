"""Memory that is not given: an allocation that fails anywhere in a run, and the kernel's kill at a group's limit."""
import collections
import re
import subprocess
import sys
import unittest

from fault_support import FaultTest, checkpoints_of
from memory_group import MemoryGroup
from support import VERNIER, fault_trials, tell_count, wait_for


class Allocations(FaultTest):
    def setUp(self):
        super().setUp()
        self.short_run()
        self.environment = self.shim("failing_malloc")
        counted = self.dir / "count"
        self.good(*self.into(self.dir / "counted"), env={**self.environment, "FAIL_COUNT": str(counted)})
        self.allocations = int(counted.read_text())
        self.codes = collections.Counter()

    def failing_run(self, rng, folder):
        out = folder / "out"
        environment = {**self.environment, "FAIL_AT": str(rng.randint(1, self.allocations))}
        if rng.random() < 0.5:
            environment["FAIL_ALWAYS"] = "1"
        done = self.run_vernier(*self.into(out), env=environment, timeout=120)
        said = f"FAIL_AT={environment['FAIL_AT']} always={'FAIL_ALWAYS' in environment}: {done.stderr}"
        self.codes[done.returncode] += 1
        self.assertIn(done.returncode, (0, 3), said)
        if done.returncode == 3:
            self.assertRegex(done.stderr.splitlines()[-2], "memory", said)
            self.assertEqual(done.stderr.count("vernier: "), 1, said)
        told = max([0, *map(int, re.findall(r"^saved step (\d+) in ", done.stderr, re.MULTILINE))])
        self.assertGreaterEqual(max([0, *checkpoints_of(out)]) if out.exists() else 0, told, said)
        if done.returncode != 0:
            again = self.good(*self.into(out, "--resume"))
            self.assertNotIn("passed over", again.stderr)
        self.equals_whole(out)

    def test_at_any_time(self):
        count = self.trials(fault_trials(20, 500), self.failing_run)
        tell_count("allocations that failed", count, f"of {self.allocations} in a run; exit codes {dict(sorted(self.codes.items()))}")


class Group(FaultTest):
    STEPS = 400
    LIMIT = 400 << 20

    def group(self, limit):
        try:
            group = MemoryGroup(limit, self.id().rsplit(".", 1)[1])
        except OSError as error:
            self.skipTest(f"this machine lacks the right to limit a group's memory: {error}")
        self.addCleanup(group.remove)
        return group

    def test_the_kernels_kill(self):
        # The run has enough. A neighbour in its group then takes the rest, and the kernel kills the run first.
        self.short_run()
        group, out = self.group(self.LIMIT), self.dir / "out"
        for trial in range(fault_trials(2, 10)):
            subprocess.run(["rm", "-rf", out], check=True)
            run = subprocess.Popen([VERNIER, *self.into(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=group.enter)
            wait_for(out / "metrics.jsonl")
            with open(f"/proc/{run.pid}/oom_score_adj", "w") as file:
                file.write("1000")
            hog = subprocess.Popen([sys.executable, "-c", f"held = b'x' * {2 * self.LIMIT}"], preexec_fn=group.enter)
            output, errors = run.communicate(timeout=120)
            hog.kill()
            hog.wait()
            self.assertEqual(run.returncode, -9, errors)
            again = self.good(*self.into(out, "--resume"))
            self.assertNotIn("passed over", again.stderr)
            self.equals_whole(out)
        tell_count("kills at a group's memory limit", trial + 1)

    def test_a_limit_that_is_too_low_is_told_before_the_start(self):
        group = self.group(64 << 20)
        done = self.fails(3, "train", self.config(), preexec_fn=group.enter, says=["memory", "MiB"])
        self.assertFalse((self.dir / "out").exists(), done.stderr)


if __name__ == "__main__":
    unittest.main()

"""kill -9 at random instants, resumed until it ends: the bytes of a run that nobody killed, and no save lost that was told.

A run is killed at least three times: while it loads, in a step, a save, a pruning, or while it writes the adapter at the
end. A third of the instants are uniform in time from the start of the process; the others come a random moment after a
random line of its output, so that on a busy machine too most of them fall into steps and saves.
"""
import collections
import re
import statistics
import subprocess
import threading
import time
import unittest

from fault_support import FaultTest, checkpoints_of
from support import VERNIER, fault_trials, tell_count

KILLS = 3


class WatchedRun:
    """A run whose stderr is read as it comes and that is killed at one instant, unless it ends before."""

    def __init__(self, words):
        self.process = subprocess.Popen([VERNIER, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL)
        self.lines, self.times = [], []

    def kill_after(self, lines, seconds):
        """SIGKILL `seconds` after so many lines of output. Gives the exit status, -9 when the kill came in time."""
        timer = threading.Timer(seconds, self.process.kill)
        if lines == 0:
            timer.start()
        with self.process.stderr as output:
            for line in output:
                if not line.endswith("\n"):
                    break  # cut off by the kill
                self.lines.append(line.rstrip())
                self.times.append(time.monotonic())
                if len(self.lines) == lines:
                    timer.start()
        self.process.wait()
        timer.cancel()
        return self.process.returncode

    def found(self, pattern):
        return [int(match.group(1)) for line in self.lines if (match := re.search(pattern, line))]


def place_of_kill(out, run):
    """Where the kill fell, by what lies about."""
    names = [path.name for path in out.iterdir()] if out.exists() else []
    for mark, place in ((".deleting-", "pruning"), ("adapter_model.safetensors.tmp-", "final adapter"), (".tmp-", "save")):
        if any(mark in name for name in names):
            return place
    if not run.lines:
        return "start of the process"
    return "steps" if run.found(r"^step (\d+)/") else "loading"


class Kill(FaultTest):
    STEPS = 24

    def setUp(self):
        super().setUp()
        start = time.monotonic()
        self.short_run()
        self.seconds = time.monotonic() - start
        again = WatchedRun(self.into(self.dir / "watched"))
        self.assertEqual(again.kill_after(0, 600), 0)
        self.output_lines = len(again.lines)
        self.heading = next(i for i, line in enumerate(again.lines) if line.startswith("step 1/"))
        self.moment = statistics.median(b - a for a, b in zip(again.times, again.times[1:]))
        self.places = collections.Counter()

    def instant(self, rng, told):
        """(lines of output, seconds after them) of a kill within what is left of the run."""
        left = 1 - told / self.STEPS
        if rng.random() < 1 / 3:
            return 0, rng.uniform(0, self.seconds * (0.5 + 0.5 * left))
        last = self.heading + int((self.output_lines - self.heading) * left)
        return rng.randint(1, max(1, last)), rng.uniform(0, 2 * self.moment)

    def start(self, out, told, lines, seconds, *words):
        """One start of the run, killed at the instant. Gives its status and the last step it has told as saved."""
        run = WatchedRun(self.into(out, *words))
        status = run.kill_after(lines, seconds)
        self.assertIn(status, (0, -9), run.lines)
        self.assertEqual([line for line in run.lines if "passed over" in line], [], "a checkpoint under its name was not whole")
        for resumed in run.found(r"^resuming after step (\d+) "):
            self.assertGreaterEqual(resumed, told, "a save that was told is lost")
        if status != 0:
            self.places[place_of_kill(out, run)] += 1
        told = max([told, *run.found(r"^saved step (\d+) in ")])
        self.assertGreaterEqual(max([0, *checkpoints_of(out)]), told, "a save that was told is lost")
        return status, told

    def killed_run(self, rng, folder):
        out, told, kills, starts = folder / "out", 0, 0, 0
        while kills < KILLS:
            status, told = self.start(out, told, *self.instant(rng, told), *["--resume"] * (starts > 0))
            kills += status != 0
            starts += 1
            self.assertLess(starts, 60, "the kills do not land")
        # The last save may have been made by a start that was killed before it could tell so.
        status, _ = self.start(out, told, 0, 600, "--resume")
        self.assertEqual((status, checkpoints_of(out)[-1]), (0, self.STEPS))
        self.equals_whole(out)

    def test_any_instant(self):
        count = self.trials(fault_trials(30, 1000), self.killed_run)
        where = ", ".join(f"{place} {number}" for place, number in sorted(self.places.items()))
        tell_count("runs killed and resumed", count, f"{sum(self.places.values())} kills: {where}")


if __name__ == "__main__":
    unittest.main()

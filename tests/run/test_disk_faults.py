"""A disk that is full, and an output directory or a clock that changes under a run."""
import collections
import contextlib
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest

from fault_support import FaultTest, checkpoints_of
from support import VERNIER, fault_trials, lines, tell_count, wait_for


class Full(FaultTest):
    """save_total_limit 0: a checkpoint is added at each step until the disk is full."""

    def setUp(self):
        super().setUp()
        self.short_run(save_total_limit=0, lora_r=64)
        self.kib = (sum(path.stat().st_size for path in (self.whole / "checkpoint-1").iterdir()) + 1023) // 1024
        self.ends = collections.Counter()

    def resumed_with_room(self, out, done, folder):
        """What the full disk left, brought to where there is room, is resumed to the end."""
        kept = checkpoints_of(out)
        self.assertNotIn("passed over", done.stderr)
        moved = folder / "moved"
        shutil.copytree(out, moved)
        again = self.good(*self.into(moved, "--resume"))
        self.assertNotIn("passed over", again.stderr)
        if kept:
            self.assertIn(f"resuming after step {kept[-1]} ", again.stderr)
        self.equals_whole(moved)

    def test_a_tmpfs_too_small_for_the_next_checkpoint(self):
        for whole_ones in range(2, 6):
            folder = self.dir / f"room-for-{whole_ones}"
            folder.mkdir()
            with self.small_disk(f"size={int((whole_ones + 0.7) * self.kib)}k", f"disk-{whole_ones}") as disk:
                done = self.fails(3, *self.into(disk / "out"), says=["could not be saved", "bytes", "is whole: --resume goes on from it"])
                self.assertEqual(len(checkpoints_of(disk / "out")), whole_ones, done.stderr)
                self.resumed_with_room(disk / "out", done, folder)
        with self.small_disk(f"size={self.kib // 2}k", "disk-0") as disk:
            done = self.fails(3, *self.into(disk / "out"), says=["bytes"])
            self.assertNotIn("step 1/", done.stderr, "the room for a checkpoint is asked for before the run")
        tell_count("disks too small", 5)

    def test_a_tmpfs_without_inodes(self):
        # The root, the run's directory and five files; six files and a directory for each checkpoint.
        for inodes in (18, 24, 33):
            folder = self.dir / f"inodes-{inodes}"
            folder.mkdir()
            with self.small_disk(f"size=64m,nr_inodes={inodes}", f"disk-{inodes}") as disk:
                done = self.fails(3, *self.into(disk / "out"), says=["out"])
                self.resumed_with_room(disk / "out", done, folder)
        tell_count("disks without inodes", 3)

    def test_a_disk_that_fills_up_under_a_run(self):
        path = self.config("long.yaml", threads=1, max_steps=100000, save_steps=300, save_total_limit=2, logging_steps=100000)

        def start(out, *words):
            run = subprocess.Popen([VERNIER, "train", path, *words, f"output_dir={out}"], stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
            self.addCleanup(run.kill)
            return run

        with self.small_disk("size=4m") as disk:
            run = start(disk / "out")
            wait_for(disk / "out/checkpoint-300/manifest.json")
            with open(disk / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
                while True:
                    fill.write(bytes(4096))
            _, errors = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 3, errors)
            newest = checkpoints_of(disk / "out")[-1]
            needed, free, missing = map(int, re.search(r"(\d+) bytes are needed, (\d+) are free, (\d+) are missing", errors).groups())
            size = sum(part.stat().st_size for part in (disk / f"out/checkpoint-{newest}").iterdir())
            self.assertGreater(needed, size, "the whole checkpoint is asked for, not the line that found no room")
            self.assertEqual(missing, needed - free)
            self.assertIn("the run stops (on_save_error: stop)", errors)
            self.assertIn(f"checkpoint-{newest} is whole: --resume goes on from it", errors)
            # With that much room, and some for the lines of the steps between, the run goes on and saves.
            with open(disk / "fill", "r+b") as fill:
                fill.truncate((disk / "fill").stat().st_size - missing - 128 * 1024)
            again = start(disk / "out", "--resume")
            wait_for(disk / f"out/checkpoint-{newest + 300}/manifest.json")
            again.kill()
            self.assertIn(f"resuming after step {newest} ", again.communicate()[1])
        tell_count("disks filled under a run", 1)

    def limited(self, rng, folder):
        most, out = rng.randint(1, 2 * self.kib * 1024), folder / "out"

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

        done = self.run_vernier(*self.into(out), preexec_fn=limit, restore_signals=False)
        self.assertIn(done.returncode, (0, 3), f"RLIMIT_FSIZE {most}: {done.stderr}")
        self.ends[done.returncode] += 1
        if done.returncode == 0:
            self.equals_whole(out)
        else:
            self.assertEqual(done.stderr.count("vernier: "), 1, done.stderr)
            self.assertIn("bytes", done.stderr)
            self.resumed_with_room(out, done, folder)

    def test_files_that_may_not_grow(self):
        count = self.trials(fault_trials(15, 100), self.limited)
        tell_count("limits on a file's size", count, f"exit codes {dict(sorted(self.ends.items()))}")


class Moved(FaultTest):
    """What happens to the directory while the run is between two saves: it stops, and writes nowhere else."""
    STEPS = 600

    def setUp(self):
        super().setUp()
        self.write_rows("eval.jsonl", 3, seed=2)
        self.path = self.config("moved.yaml", threads=1, max_steps=self.STEPS, save_steps=20, save_total_limit=2)

    def while_it_runs(self, name, change):
        """Starts a run in self.dir/name, lets `change` loose on the directory, and gives how the run ended."""
        out = self.dir / name
        run = subprocess.Popen([VERNIER, *self.into(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.kill)
        wait_for(out / "checkpoint-20/manifest.json")
        change(out)
        _, errors = run.communicate(timeout=120)
        return run.returncode, errors

    def stopped(self, name, change):
        code, errors = self.while_it_runs(name, change)
        self.assertEqual(code, 3, errors)
        self.assertEqual(errors.count("vernier: "), 1, errors)
        self.assertIn(name, errors.splitlines()[-1] + errors.splitlines()[-2], errors)

    def test_deleted(self):
        for trial in range(fault_trials(3, 20)):
            name = f"deleted-{trial}"
            self.stopped(name, lambda out: out.rename(self.dir / "gone"))
            self.assertFalse((self.dir / name).exists(), "a deleted directory is not made again")
            shutil.rmtree(self.dir / "gone")
        tell_count("output directories removed", trial + 1)

    def test_replaced_by_a_link(self):
        for trial in range(fault_trials(3, 20)):
            elsewhere, aside = self.dir / f"elsewhere-{trial}", self.dir / f"aside-{trial}"
            elsewhere.mkdir()

            def replace(out):
                out.rename(aside)
                out.symlink_to(elsewhere)

            self.stopped(f"linked-{trial}", replace)
            self.assertEqual(list(elsewhere.iterdir()), [], "the run wrote where it was not told to")
            self.good(*self.into(aside, "--resume"))
        tell_count("output directories replaced by a link", trial + 1)

    def test_replaced_by_another_directory(self):
        aside = self.dir / "aside"

        def replace(out):
            out.rename(aside)
            out.mkdir()

        self.stopped("replaced", replace)
        self.assertEqual(list((self.dir / "replaced").iterdir()), [], "the run wrote where it was not told to")
        tell_count("output directories replaced by another", 1)


class Clock(FaultTest):
    def test_a_time_of_day_that_jumps(self):
        self.short_run()
        environment = self.shim("jumping_clock")
        date = subprocess.run(["date", "+%s"], env=environment, capture_output=True, text=True, check=True)
        self.assertGreater(abs(int(date.stdout) - time.time()), 3600, "the shim moves the clock")
        for trial in range(fault_trials(2, 20)):
            out = self.dir / f"out-{trial}"
            self.good(*self.into(out, "max_time=1h", "save_minutes=60"), env=environment)
            self.equals_whole(out)
            for line in lines(out / "metrics.jsonl"):
                if "step_seconds" in line:
                    self.assertGreaterEqual(line["step_seconds"], 0)
                    self.assertLess(line["step_seconds"], 60)
        tell_count("runs under a clock that jumps", trial + 1)


if __name__ == "__main__":
    unittest.main()

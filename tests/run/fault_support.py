"""What the fault tests share: trials whose random draws can be repeated, their count, shims, and small disks.

    VERNIER_FAULT_TRIALS=release   the counts of a release instead of those of CI, on all CPUs; or a number
    VERNIER_FAULT_SEED=N           the draws of an earlier run, which printed this seed
    VERNIER_FAULT_TRIAL=K          only trial K of it
"""
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import traceback

from support import RunTest, numbers

SHIMS = pathlib.Path(__file__).resolve().parent / "shims"


class FaultTest(RunTest):
    """Trials on a short run, and the uninterrupted run that each of them must equal in the end."""

    STEPS = 6
    workers = 1000  # at most

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("VERNIER_FAULT_SEED") or random.SystemRandom().randrange(2 ** 32))

    def trials(self, count, trial):
        """Calls trial(random numbers, folder) `count` times, each with a folder of its own; names the one that failed."""
        only = os.environ.get("VERNIER_FAULT_TRIAL")
        chosen = [int(only)] if only else range(count)
        workers = min(self.workers, len(os.sched_getaffinity(0)) if os.environ.get("VERNIER_FAULT_TRIALS") else 1)
        print(f"VERNIER_FAULT_SEED={self.seed}", flush=True)
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            failures = [text for text in pool.map(lambda number: self.failure_of(trial, number), chosen) if text]
        self.assertEqual(len(failures), 0, f"{len(failures)} of {len(chosen)} trials failed:\n" + "\n".join(failures[:5]))
        return len(chosen)

    def failure_of(self, trial, number):
        folder = self.dir / f"trial-{number}"
        folder.mkdir()
        try:
            trial(random.Random(f"{self.seed}/{number}"), folder)
        except Exception:  # an assertion, or a run that hung
            return f"VERNIER_FAULT_SEED={self.seed} VERNIER_FAULT_TRIAL={number}\n{traceback.format_exc()}"
        subprocess.run(["rm", "-rf", folder], check=True)
        return ""

    def short_run(self, name="whole", **changes):
        """The config of the run, and the uninterrupted run in self.dir/name. Where a run writes is said by `into`."""
        self.write_rows("eval.jsonl", 3, seed=2)
        settings = dict(threads=1, max_steps=self.STEPS, save_steps=1, save_total_limit=2, lora_dropout=0.1, eval_steps=5,
                        test_datasets=[{"path": str(self.dir / "eval.jsonl"), "type": "tokenized"}])
        self.path = self.config(f"{name}.yaml", **{**settings, **changes})
        self.whole = self.dir / name
        return self.good(*self.into(self.whole))

    def into(self, out, *words):
        return ["train", self.path, *words, f"output_dir={out}"]

    def equals_whole(self, out):
        """The same files, and in them the same bytes but for what names the directory, the time or the clock."""
        names = {path.relative_to(out).as_posix() for path in out.rglob("*")}
        self.assertEqual(names, {path.relative_to(self.whole).as_posix() for path in self.whole.rglob("*")})
        other = {".lock", "config.resolved.yaml", "manifest.json", "metrics.jsonl", "run.json", "trainer_state.json"}
        for name in sorted(names):
            if (out / name).is_file() and name.split("/")[-1] not in other:
                self.assertEqual((out / name).read_bytes(), (self.whole / name).read_bytes(), name)
            elif name.endswith(("run.json", "trainer_state.json")):
                self.assertEqual(self.timeless(out / name), self.timeless(self.whole / name), name)
        self.assertEqual(numbers(out / "metrics.jsonl"), numbers(self.whole / "metrics.jsonl"))

    def timeless(self, path):
        state = json.loads(path.read_text())
        return {key: value for key, value in state.items() if key not in ("seconds", "metrics_bytes", "metrics_xxh3", "options")}

    def shim(self, name):
        """Compiles shims/NAME.c and gives the environment that puts it beneath the program."""
        compiler = os.environ.get("CC", "cc")
        library = self.dir / f"{name}.so"
        done = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SHIMS / f"{name}.c", "-ldl"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {**os.environ, "LD_PRELOAD": str(library)}


def checkpoints_of(out):
    return sorted(int(path.name.split("-")[1]) for path in out.glob("checkpoint-*") if path.name.split("-", 1)[1].isdigit())

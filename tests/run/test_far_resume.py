"""A resume far into a large file of tokenized rows starts as fast as a new run on it."""
import ctypes
import json
import re
import shutil
import subprocess
import time
import unittest

from support import VERNIER, RunTest, fault_trials, lines, tell_count

STEPS = 3
ROW = '{"input_ids":[%d,%d]}\n'


def xxh3(data):
    """By the library that the program links."""
    function = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
    function.restype, function.argtypes = ctypes.c_uint64, (ctypes.c_char_p, ctypes.c_size_t)
    return f"{function(data, len(data)):016x}"


def move_checkpoint(source, target, step):
    """The checkpoint as if it had been saved after `step`: only its state and its manifest say when that was."""
    shutil.copytree(source, target)
    state = json.loads((target / "trainer_state.json").read_text())
    state["step"] = step
    data = (json.dumps(state, indent=2) + "\n").encode()
    (target / "trainer_state.json").write_bytes(data)
    manifest = json.loads((target / "manifest.json").read_text())
    manifest["step"] = step
    for file in manifest["files"]:
        if file["name"] == "trainer_state.json":
            file["size"], file["xxh3"] = len(data), xxh3(data)
    del manifest["xxh3"]
    manifest["xxh3"] = xxh3((json.dumps(manifest, indent=2) + "\n").encode())
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


class FarResume(RunTest):
    def started(self, *words):
        """Seconds from the start of the program to all rows read, and from there to the first step's line; its output."""
        begin, rows_read, stepped, output = time.monotonic(), None, None, []
        run = subprocess.Popen([VERNIER, *map(str, words)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for line in run.stderr:
            output.append(line)
            if "passed over" in line:  # it would walk through all the steps
                run.kill()
            if rows_read is None and "rows and program hashed" in line:
                rows_read = time.monotonic()
            if stepped is None and line.startswith("step "):
                stepped = time.monotonic()
        run.stderr.close()
        self.assertEqual(run.wait(), 0, "".join(output))
        return rows_read - begin, stepped - rows_read, "".join(output)

    def test_a_far_step_of_a_large_file(self):
        rows = fault_trials(10 ** 6, 10 ** 8)
        far = rows * 9 // 10 if rows < 10 ** 7 else 10 ** 6
        block = "".join(ROW % (3 + i % 250, 3 + 7 * i % 250) for i in range(10 ** 4))
        with open(self.dir / "rows.jsonl", "w") as file:
            for _ in range(rows // 10 ** 4):
                file.write(block)
        settings = dict(micro_batch_size=1, gradient_accumulation_steps=1, threads=1, save_steps=1, logging_steps=1)
        read, cold, _ = self.started("train", self.config(max_steps=STEPS, **settings), "--log-level", "debug")
        move_checkpoint(self.dir / f"out/checkpoint-{STEPS}", self.dir / f"out/checkpoint-{far}", far)
        resume = ["train", self.config(max_steps=far + STEPS, **settings), "--resume", "--allow-change", "max_steps"]
        read_again, resumed, said = self.started(*resume, "--log-level", "debug")
        self.assertRegex(said, rf"resuming after step {far} from \S+checkpoint-{far}\n")
        metrics = lines(self.dir / "out/metrics.jsonl")
        self.assertEqual([line["step"] for line in metrics], [1, 2, 3] + [far + 1, far + 2, far + 3])
        self.assertAlmostEqual(metrics[-1]["epoch"], (far + STEPS) / rows, places=6)
        self.assertLess(resumed - cold, 2, f"cold {cold:.2f} s, resumed {resumed:.2f} s behind the reading of the rows")
        # The reading is the same work in both; a start that walked through the steps would take many times as long.
        self.assertLess(read_again, 1.5 * read + 2)
        peak = max(line["peak_rss_bytes"] for line in metrics)
        number, unit = re.search(r"predicted peak ([0-9.]+) ([MG])iB", said).groups()
        predicted = float(number) * 2 ** (20 if unit == "M" else 30)
        tell_count("files of many rows resumed far in", 1,
                   f"{rows} rows, step {far}: read in {read:.1f} s and {read_again:.1f} s, then the first step after "
                   f"{cold:.2f} s cold and {resumed:.2f} s resumed; peak {peak >> 20} MiB, predicted {int(predicted) >> 20} MiB")
        self.assertLess(peak, 1.25 * predicted)


if __name__ == "__main__":
    unittest.main()

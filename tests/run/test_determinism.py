"""The same run twice; on one thread and two; with the kernels of AVX2, of AVX-512 and without either."""
import pathlib
import unittest

from fault_support import FaultTest
from support import fault_trials, lines, tell_count

# Of the loss of a step, between one thread and two: sums over rows that threads share are cut elsewhere.
TOLERANCE = 1e-5


def has(feature):
    return feature in pathlib.Path("/proc/cpuinfo").read_text().split()


class Determinism(FaultTest):
    def setUp(self):
        super().setUp()
        self.write_rows("rows.jsonl", 60)
        self.path = self.config("same.yaml", max_steps=20, save_strategy="no", save_steps=None, lora_dropout=0.1)

    def adapter_and_losses(self, out, *words):
        self.good(*self.into(out, *words))
        return (out / "adapter_model.safetensors").read_bytes(), [line["loss"] for line in lines(out / "metrics.jsonl")]

    def twice(self, rng, folder):
        words = [f"seed={rng.randrange(10 ** 6)}", f"threads={rng.choice([1, 2])}", f"lora_r={rng.choice([3, 4, 16])}",
                 f"bf16={rng.choice(['auto', 'false'])}", f"optimizer={rng.choice(['adamw_torch', 'adamw_8bit'])}"]
        self.assertEqual(self.adapter_and_losses(folder / "a", *words), self.adapter_and_losses(folder / "b", *words), words)

    def test_the_same_run_twice(self):
        count = self.trials(fault_trials(2, 20), self.twice)
        tell_count("runs done twice", count, "the same bytes")

    def threads(self, rng, folder):
        seed = f"seed={rng.randrange(10 ** 6)}"
        (_, one), (_, two) = (self.adapter_and_losses(folder / f"t{n}", seed, f"threads={n}") for n in (1, 2))
        furthest = max(abs(a - b) / a for a, b in zip(one, two))
        self.assertLess(furthest, TOLERANCE, seed)
        self.furthest = max(self.furthest, furthest)

    def test_one_thread_and_two(self):
        self.furthest = 0.0
        count = self.trials(fault_trials(2, 20), self.threads)
        tell_count("runs on one thread and on two", count, f"losses of 20 steps within {self.furthest:.1e} (relative)")

    def kernels(self, rng, folder):
        seed = f"seed={rng.randrange(10 ** 6)}"
        tables = ["scalar", *["avx2"] * has("avx2"), *["avx512"] * has("avx512bw")]
        runs = [self.adapter_and_losses(folder / table, seed, "threads=1", f"kernels={table}") for table in tables]
        for table, run in zip(tables, runs):
            self.assertEqual(run, runs[0], f"{table} {seed}")

    @unittest.skipUnless(has("avx2"), "this CPU lacks AVX2")
    def test_every_kernel_table(self):
        count = self.trials(fault_trials(2, 20), self.kernels)
        tell_count("runs with every kernel table", count, "f32: the same bytes")


if __name__ == "__main__":
    unittest.main()

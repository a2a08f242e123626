"""`vernier bench`: its parts, shares and memory are of one step and fit together; nothing is written."""
import json
import unittest

from support import RunTest

PARTS = ["base_forward", "base_recomputed", "base_backward", "head_forward", "head_backward", "adapters",
         "attention_forward", "attention_backward", "norms", "heads", "swiglu", "loss", "optimizer", "stream", "dropout", "other"]
TIMED = [part for part in PARTS if part not in ("base_recomputed", "dropout", "other")]


class Bench(RunTest):
    def bench(self, *words, **changes):
        done = self.good("bench", self.config(**changes), "--json", "--steps", 3, *words)
        self.assertFalse((self.dir / "out").exists())
        self.assertEqual(len(done.stdout.splitlines()), 1)
        return json.loads(done.stdout)

    def test_parts_are_the_step(self):
        bench = self.bench()
        step, parts = bench["step"], bench["parts"]
        self.assertEqual(list(parts), PARTS)
        self.assertEqual(len(step["all_seconds"]), 3)
        # Steps differ in tokens: the one of median speed need not be the one of median time.
        self.assertIn(step["seconds"], step["all_seconds"])
        self.assertAlmostEqual(bench["tokens_per_second"], step["tokens"] / step["seconds"], delta=1e-6 * bench["tokens_per_second"])
        self.assertAlmostEqual(sum(part["seconds"] for part in parts.values()), step["seconds"], delta=0.05 * step["seconds"])
        for name in TIMED:
            self.assertGreater(parts[name]["seconds"], 0, name)
        self.assertGreaterEqual(parts["other"]["seconds"], 0)
        self.assertEqual(parts["dropout"]["seconds"], 0)

    def test_shares_are_of_the_peak(self):
        bench = self.bench()
        flops, peak = bench["flops"], bench["peak"]
        self.assertAlmostEqual(peak["flops_per_second"], (peak["before"] + peak["after"]) / 2, delta=1)
        self.assertGreater(peak["read_bytes_per_second"], 0)
        share = flops["model"] / bench["step"]["seconds"] / peak["flops_per_second"]
        self.assertAlmostEqual(flops["share_of_peak"], share, delta=1e-6)
        for name in ("base_forward", "attention_backward", "head_forward", "adapters"):
            part = bench["parts"][name]
            self.assertAlmostEqual(part["flops_per_second"], part["flops"] / part["seconds"], delta=1e-6 * part["flops_per_second"])
            self.assertAlmostEqual(part["share_of_peak"], part["flops_per_second"] / peak["flops_per_second"], delta=1e-6)

    def test_operations_counted_are_those_the_model_asks_for(self):
        bench = self.bench()
        counted = sum(part.get("flops", 0) for name, part in bench["parts"].items() if name != "base_recomputed")
        # The first layer's q, k, v need no gradient of their input.
        self.assertLess(counted, bench["flops"]["model"])
        self.assertGreater(counted, 0.85 * bench["flops"]["model"])

    def test_what_is_recomputed_is_told(self):
        kept, again = self.bench(gradient_checkpointing=False), self.bench(gradient_checkpointing=True)
        self.assertEqual(kept["parts"]["base_recomputed"]["seconds"], 0)
        self.assertEqual(kept["flops"]["with_recompute"], kept["flops"]["model"])
        self.assertGreater(again["parts"]["base_recomputed"]["seconds"], 0)
        self.assertGreater(again["flops"]["with_recompute"], again["flops"]["model"])
        self.assertLessEqual(again["flops"]["with_recompute"], again["flops"]["with_checkpointing"])
        per_token = [bench["parts"]["base_forward"]["flops"] / bench["step"]["tokens"] for bench in (kept, again)]
        self.assertAlmostEqual(per_token[0], per_token[1], delta=1e-6 * per_token[0])

    def test_memory(self):
        memory = self.bench()["memory"]
        self.assertEqual(memory["above_bytes"], memory["peak_rss_bytes"] - memory["rss_before_model_bytes"])
        self.assertGreater(memory["rss_before_model_bytes"], 2**20)
        self.assertAlmostEqual(memory["ratio_to_floor"], memory["above_bytes"] / memory["floor_bytes"], delta=1e-6)
        self.assertEqual(set(memory["predicted"]), {"peak_bytes", "runtime", "base", "adapters", "kept", "working", "rows", "loading"})

    def test_other_ways_to_run(self):
        self.assertEqual(self.bench(threads=1, kernels="scalar")["threads"], 1)
        self.assertGreater(self.bench("--lora-dropout", "0.1")["parts"]["dropout"]["seconds"], 0)
        self.assertGreater(self.bench(adapter="lora", load_in_4bit=False)["parts"]["base_backward"]["flops"], 0)
        # More steps than the run would have.
        self.bench(max_steps=1)

    def test_text(self):
        done = self.good("bench", self.config(), "--steps", 1)
        for word in ("device ", "peak ", "tokens/s", "% of peak", "floor", "base_forward", "other"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("\x1b", done.stderr)
        self.assertEqual(self.good("bench", self.config(), "--steps", 1, "--quiet").stderr, "")

    def test_bad_input(self):
        self.fails(2, "bench", self.config(), "--steps", 0, says=["--steps"])
        self.fails(2, "bench", self.config(lora_r=0), says=["lora_r"])
        self.fails(2, "bench", self.dir / "none.yaml", says=["none.yaml"])


if __name__ == "__main__":
    unittest.main()

"""Training end to end: outputs, determinism, directories."""
import hashlib
import json
import pathlib
import subprocess
import unittest

from support import VERNIER, RunTest, lines, tensors, wait_for

KEYS = ["step", "epoch", "loss", "grad_norm", "learning_rate", "tokens", "trained_tokens", "step_seconds",
        "tokens_per_second", "peak_rss_bytes"]


class Outputs(RunTest):
    def test_files_and_metrics(self):
        self.good("train", self.config())
        out = self.dir / "out"
        for name in ("adapter_config.json", "adapter_model.safetensors", "vernier.json", "metrics.jsonl",
                     "config.resolved.yaml", "run.json", "data_report.jsonl"):
            self.assertTrue((out / name).is_file(), name)
        steps = lines(out / "metrics.jsonl")
        self.assertEqual([list(step) for step in steps], [KEYS] * 6)
        self.assertEqual([step["step"] for step in steps], [1, 2, 3, 4, 5, 6])
        self.assertEqual(steps[0]["learning_rate"], 0)
        self.assertEqual(sorted(p.name for p in out.glob("checkpoint-*")), ["checkpoint-2", "checkpoint-4", "checkpoint-6"])
        self.assertEqual(self.weights(), (out / "checkpoint-6/adapter_model.safetensors").read_bytes())
        names = tensors(out / "adapter_model.safetensors")
        self.assertEqual(len(names), 2 * 7 * 2)
        self.assertEqual(names["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"][1], [4, 64])

    def test_run_json_identifies_the_run(self):
        self.good("train", self.config(lora_target_modules=["v_proj", "q_proj"]))
        run = json.loads((self.dir / "out/run.json").read_text())
        state = json.loads((self.dir / "out/checkpoint-6/trainer_state.json").read_text())
        for key, path in (("config_sha256", self.dir / "run.yaml"), ("binary_sha256", VERNIER)):
            self.assertEqual(run[key], hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(), key)
            self.assertEqual(state[key], run[key])
        self.assertEqual(run["settings"]["lora_target_modules"], ["q_proj", "v_proj"])
        self.good("train", self.config(lora_target_modules=r".*layers\.1\..*q_proj", output_dir=str(self.dir / "one")))
        run = json.loads((self.dir / "one/run.json").read_text())
        self.assertEqual(run["settings"]["lora_target_modules"], ["model.layers.1.self_attn.q_proj"])

    def test_nothing_but_results_on_stdout_and_no_control_codes(self):
        done = self.good("train", self.config())
        self.assertNotIn("step 3/6", done.stdout)
        self.assertIn("step 3/6", done.stderr)
        self.assertNotIn("\x1b", done.stderr)
        self.assertNotIn("\r", done.stderr)
        quiet = self.good("train", self.config(), "--overwrite-output-dir", "--quiet")
        self.assertEqual(quiet.stderr, "")

    def test_resolved_config_reads_back_to_the_same_run(self):
        self.good("train", self.config())
        self.good("train", self.dir / "out/config.resolved.yaml", f"output_dir={self.dir / 'again'}")
        self.assertEqual(self.weights(), self.weights("again"))

    def test_save_total_limit_and_strategy_no(self):
        self.good("train", self.config(save_total_limit=2))
        self.assertEqual(sorted(p.name for p in (self.dir / "out").glob("checkpoint-*")), ["checkpoint-4", "checkpoint-6"])
        self.good("train", self.config(save_strategy="no", save_steps=None, output_dir=str(self.dir / "no")))
        self.assertEqual(list((self.dir / "no").glob("checkpoint-*")), [])
        self.assertTrue((self.dir / "no/adapter_model.safetensors").exists())

    def test_evaluation_lines(self):
        self.write_rows("eval.jsonl", 5, seed=2)
        self.good("train", self.config(test_datasets=[{"path": str(self.dir / "eval.jsonl"), "type": "tokenized"}], eval_steps=3))
        evals = [line for line in lines(self.dir / "out/metrics.jsonl") if "eval_loss" in line]
        self.assertEqual([line["step"] for line in evals], [3, 6])
        answer = self.good("eval", self.config(test_datasets=[{"path": str(self.dir / "eval.jsonl"), "type": "tokenized"}]),
                           "--adapter", self.dir / "out", "--json")
        self.assertAlmostEqual(json.loads(answer.stdout)["loss"], evals[-1]["eval_loss"], delta=1e-7)

    def test_eval_strategy_no_means_no(self):
        self.good("train", self.config(val_set_size=3, eval_strategy="no"))
        self.assertNotIn("eval_loss", (self.dir / "out/metrics.jsonl").read_text())

    def test_loss_falls(self):
        self.good("train", self.config(max_steps=30, warmup_steps=2, learning_rate=0.02))
        losses = [step["loss"] for step in lines(self.dir / "out/metrics.jsonl")]
        self.assertLess(sum(losses[-6:]) / 6, sum(losses[:6]) / 6 - 0.05)


class Exactness(RunTest):
    def test_same_seed_same_bytes_other_seed_other_bytes(self):
        self.good("train", self.config(lora_dropout=0.1))
        self.good("train", self.config(lora_dropout=0.1, output_dir=str(self.dir / "b")))
        self.good("train", self.config(lora_dropout=0.1, output_dir=str(self.dir / "c"), seed=8))
        self.assertEqual(self.weights(), self.weights("b"))
        self.assertNotEqual(self.weights(), self.weights("c"))

    def test_recomputing_and_keeping_give_the_same_bytes(self):
        for name, value in (("on", True), ("off", False)):
            self.good("train", self.config(gradient_checkpointing=value, lora_dropout=0.2, output_dir=str(self.dir / name)))
        self.assertEqual(self.weights("on"), self.weights("off"))

    def test_accumulation_equals_one_big_batch(self):
        losses = {}
        for micro, accumulation in ((8, 1), (1, 8)):
            out = self.dir / f"m{micro}"
            self.good("train", self.config(micro_batch_size=micro, gradient_accumulation_steps=accumulation, max_steps=3,
                                           save_steps=3, output_dir=str(out)))
            losses[micro] = [line["loss"] for line in lines(out / "metrics.jsonl")]
        for a, b in zip(losses[8], losses[1]):
            self.assertAlmostEqual(a, b, delta=1e-6)


class Directories(RunTest):
    def test_used_directory_needs_a_word(self):
        self.good("train", self.config())
        before = self.weights()
        self.fails(2, "train", self.config(seed=9), says=["out", "--resume", "--overwrite-output-dir"])
        self.assertEqual(self.weights(), before)
        self.good("train", self.config(seed=9), "--overwrite-output-dir")
        self.assertNotEqual(self.weights(), before)
        self.assertEqual(len(lines(self.dir / "out/metrics.jsonl")), 6)

    def test_a_finished_adapter_is_not_overwritten(self):
        settings = dict(save_strategy="no", save_steps=None)
        self.good("train", self.config(**settings))
        before = self.weights()
        self.fails(2, "train", self.config(seed=9, **settings), says=["finished adapter"])
        self.assertEqual(self.weights(), before)

    def test_resume_without_a_checkpoint_keeps_the_finished_adapter(self):
        settings = dict(save_strategy="no", save_steps=None)
        self.good("train", self.config(**settings))
        files = {path.name: path.read_bytes() for path in (self.dir / "out").iterdir()}
        says = ["out: ", "finished adapter but no checkpoint", "--overwrite-output-dir", "lora_model_dir"]
        self.fails(2, "train", self.config(**settings), "--resume", says=says)
        self.good("train", self.config(output_dir=str(self.dir / "other")))
        self.fails(2, "train", self.config(**settings), f"resume_from_checkpoint={self.dir / 'other/checkpoint-2'}",
                   says=["finished adapter", "another output_dir keeps it"])
        self.assertEqual({path.name: path.read_bytes() for path in (self.dir / "out").iterdir()}, files)
        self.good("train", self.config(seed=9, **settings), "--overwrite-output-dir")
        self.assertNotEqual(self.weights(), files["adapter_model.safetensors"])

    def test_resume_of_a_finished_run_has_nothing_to_do(self):
        self.good("train", self.config())
        before = self.weights()
        self.assertIn("already finished after step 6", self.good("train", self.config(), "--resume").stdout)
        self.assertEqual(self.weights(), before)

    def test_an_adapter_of_another_rank_is_not_taken_silently(self):
        self.good("train", self.config())
        self.fails(2, "train", self.config(output_dir=str(self.dir / "b"), lora_model_dir=str(self.dir / "out"), lora_r=8,
                                           lora_alpha=None), says=["lora_r", "lora_model_dir"])

    def test_an_adapter_of_another_base_function_is_told(self):
        self.good("train", self.config())
        changes = dict(lora_model_dir=str(self.dir / "out"), lora_r=None, lora_alpha=None)
        said = self.good("train", self.config(adapter="lora", output_dir=str(self.dir / "b"), **changes)).stderr
        self.assertRegex(said, r"warning: \S*run\.yaml:\d+:\d+: the adapter in \S+ was trained on NF4 weights \(blocksize 64, "
                               r"double quantization\), and this run is on weights as stored")
        said = self.good("train", self.config(bnb_4bit_blocksize=32, output_dir=str(self.dir / "c"), **changes)).stderr
        self.assertIn("and this run is on NF4 weights (blocksize 32, double quantization)", said)
        said = self.good("train", self.config(output_dir=str(self.dir / "d"), **changes)).stderr
        self.assertNotIn("warning", said)

    def test_damaged_checkpoint_is_passed_over(self):
        self.good("train", self.config())
        whole = self.weights()
        path = self.dir / "out/checkpoint-6/optimizer.safetensors"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
        done = self.good("train", self.config(), "--resume")
        self.assertIn("optimizer.safetensors", done.stderr)
        self.assertIn("resuming after step 4", done.stderr)
        self.assertEqual(self.weights(), whole)

    def test_two_runs_in_one_directory(self):
        first = subprocess.Popen([VERNIER, "train", self.config(max_steps=100000, save_strategy="no", save_steps=None)],
                                 stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            wait_for(self.dir / "out/metrics.jsonl")
            self.fails(2, "train", self.config(), says=[str(first.pid)])
        finally:
            first.kill()
            first.communicate()


if __name__ == "__main__":
    unittest.main()

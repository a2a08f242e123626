"""NaN and losses that rise: steps are skipped without a trace, named, counted, and end the run when they come in a row."""
import json
import shutil
import struct
import unittest

from support import MODEL, RunTest, lines, metadata


class BadRows(RunTest):
    """A base in which a row with token 255 overflows: the first norm has a huge weight for a channel that only that
    token's embedding uses."""

    def setUp(self):
        super().setUp()
        model = self.dir / "huge_model"
        shutil.copytree(MODEL, model)
        path = model / "model.safetensors"
        data = bytearray(path.read_bytes())
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])

        def put(name, element, value):
            self.assertEqual(header[name]["dtype"], "F32")
            at = 8 + size + header[name]["data_offsets"][0] + 4 * element
            data[at:at + 4] = struct.pack("<f", value)

        tokens, width = header["model.embed_tokens.weight"]["shape"]
        for token in range(tokens):
            put("model.embed_tokens.weight", token * width, 10 if token == 255 else 0)
        put("model.layers.0.input_layernorm.weight", 0, 3e38)
        path.write_bytes(bytes(data))
        self.model = str(model)

    def rows(self, bad, count=24):
        with open(self.dir / "rows.jsonl", "w") as file:
            for line in range(1, count + 1):
                ids = [3 + (7 * line + i) % 200 for i in range(8)]
                if line in bad:
                    ids[3] = 255
                file.write(json.dumps({"input_ids": ids, "labels": ids}) + "\n")

    def bad_config(self, **changes):
        # Step s takes rows 2 s - 1 and 2 s.
        return self.config(**{**dict(base_model=self.model, shuffle=False, gradient_accumulation_steps=2, micro_batch_size=1,
                                     max_steps=8, save_steps=1), **changes})

    def test_a_bad_step_is_skipped_without_a_trace(self):
        self.rows(bad=[6, 9])
        done = self.good("train", self.bad_config())
        self.assertRegex(done.stderr, r"warning: step 3 skipped: the loss is -?NaN; first bad output: model\.layers\.0; "
                                      r"rows: \S*rows\.jsonl:6\n")
        self.assertIn("rows.jsonl:9", done.stderr)
        self.assertIn("skipped 2 steps without an update", done.stdout)
        for name in ("adapter_model.safetensors", "optimizer.safetensors"):
            self.assertEqual((self.dir / "out/checkpoint-2" / name).read_bytes(), (self.dir / "out/checkpoint-3" / name).read_bytes())
            self.assertNotEqual((self.dir / "out/checkpoint-3" / name).read_bytes(), (self.dir / "out/checkpoint-4" / name).read_bytes())
        steps = lines(self.dir / "out/metrics.jsonl")
        self.assertEqual([step["step"] for step in steps if "skipped" in step], [3, 5])
        self.assertEqual(steps[2]["tensor"], "model.layers.0")
        self.assertNotIn("loss", steps[2])
        state = self.state("out/checkpoint-8")
        self.assertEqual((state["step"], state["skipped_steps"]), (8, 2))
        self.assertEqual(metadata(self.dir / "out/checkpoint-8/optimizer.safetensors")["steps"], "6")
        # The learning rate goes on as if the step had been taken.
        self.rows(bad=[])
        self.good("train", self.bad_config(output_dir=str(self.dir / "good")))
        good = lines(self.dir / "good/metrics.jsonl")
        self.assertEqual([step["learning_rate"] for step in steps], [step["learning_rate"] for step in good])

    def test_three_in_a_row_save_and_end_the_run(self):
        self.rows(bad=[7, 9, 11])
        says = ["step 6: NaN or Inf in 3 steps in a row", "--resume goes on behind these steps"]
        self.fails(4, "train", self.bad_config(save_steps=100), says=says)
        self.assertEqual(self.checkpoints(), [6])
        # What is saved is the last good state: that of step 3.
        self.good("train", self.bad_config(save_steps=100, max_steps=8, loss_watchdog_patience=4, output_dir=str(self.dir / "b")))
        self.fails(4, "train", self.bad_config(save_steps=1, output_dir=str(self.dir / "c")))
        for name in ("adapter_model.safetensors", "optimizer.safetensors"):
            self.assertEqual((self.dir / "out/checkpoint-6" / name).read_bytes(), (self.dir / "c/checkpoint-3" / name).read_bytes())
        self.good("train", self.bad_config(save_steps=100), "--resume")
        self.assertEqual(self.weights(), self.weights("b"))

    def test_the_count_survives_a_resume(self):
        self.rows(bad=[7, 9, 11])
        self.fails(4, "train", self.bad_config())
        for checkpoint in (5, 6):
            shutil.rmtree(self.dir / f"out/checkpoint-{checkpoint}")
        self.assertEqual(self.state("out/checkpoint-4")["bad_steps_in_row"], 1)
        self.fails(4, "train", self.bad_config(), "--resume", says=["step 6: NaN or Inf in 3 steps in a row"])

    def test_what_was_saved_before_them_stays(self):
        # Every bad step is saved too: save_total_limit alone would leave 5 and 6.
        self.rows(bad=[7, 9, 11, 13, 15, 17])
        settings = dict(save_total_limit=2, max_steps=10)

        def says(step):
            return [f"the first of them, step 4, is resumed by resume_from_checkpoint: {self.dir / f'out/checkpoint-{step}'} "]

        self.fails(4, "train", self.bad_config(**settings), says=says(3))
        self.assertEqual(self.checkpoints(), [2, 3, 5, 6])
        # Also by the run that goes on behind them; one that is damaged is not named.
        path = self.dir / "out/checkpoint-3/trainer_state.json"
        path.write_bytes(path.read_bytes() + b" ")
        self.fails(4, "train", self.bad_config(**settings), "--resume", says=says(2))
        self.assertEqual(self.checkpoints(), [2, 3, 8, 9])
        # A good step ends it.
        self.good("train", self.bad_config(**settings), "--resume")
        self.assertEqual(self.checkpoints(), [9, 10])

    def test_a_learning_rate_that_breaks_the_weights(self):
        # Broken before the first loss is NaN: nothing that was saved before it is deleted.
        settings = dict(max_steps=12, save_steps=1, save_total_limit=3, lr_scheduler="constant", warmup_steps=0, learning_rate=900)
        self.fails(4, "train", self.config(**settings), says=["resume_from_checkpoint: "])
        first = min(line["step"] for line in lines(self.dir / "out/metrics.jsonl") if "skipped" in line)
        self.assertGreater(first, 1)
        self.assertEqual([step for step in self.checkpoints() if step < first], list(range(max(1, first - 3), first)))

    def test_bad_steps_before_any_checkpoint(self):
        self.rows(bad=[1, 3, 5])
        self.fails(4, "train", self.bad_config(), says=["there is none from before the first of them, step 1"])

    def test_patience_one_ends_at_once(self):
        self.rows(bad=[1])
        self.fails(4, "train", self.bad_config(loss_watchdog_patience=1), says=["step 1: NaN or Inf in 1 step in a row"])


class Spikes(RunTest):
    def test_losses_above_the_threshold_end_the_run(self):
        self.fails(4, "train", self.config(loss_watchdog_threshold=0.5, save_steps=100),
                   says=["step 3: a loss above loss_watchdog_threshold 0.5 in 3 steps in a row"])
        self.assertEqual(self.checkpoints(), [3])
        self.good("train", self.config(loss_watchdog_threshold=50, output_dir=str(self.dir / "b")))

    def test_masked_rows_make_no_update(self):
        with open(self.dir / "rows.jsonl", "w") as file:
            for line in range(1, 25):
                ids = [3 + line + i for i in range(8)]
                labels = [-100] * 8 if 5 <= line <= 8 else ids
                file.write(json.dumps({"input_ids": ids, "labels": labels}) + "\n")
        done = self.good("train", self.config(shuffle=False, save_steps=1))
        self.assertIn("step 2 skipped: no target in its rows; rows: ", done.stderr)
        for name in ("adapter_model.safetensors", "optimizer.safetensors"):
            self.assertEqual((self.dir / "out/checkpoint-1" / name).read_bytes(), (self.dir / "out/checkpoint-2" / name).read_bytes())


if __name__ == "__main__":
    unittest.main()

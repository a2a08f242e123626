"""Resuming: the bits of the uninterrupted run after every step, and what may be another in the resumed run."""
import json
import shutil
import subprocess
import unittest

from support import MODEL, VERNIER, RunTest, fault_trials, lines, numbers, tell_count


class Exactness(RunTest):
    """A run that is cut back to its checkpoint after step s and resumed equals the run that went through."""

    def resume_after_every_step(self, steps=6, **changes):
        self.write_rows("eval.jsonl", 5, seed=2)
        settings = dict(max_steps=steps, save_steps=1, test_datasets=[{"path": str(self.dir / "eval.jsonl"), "type": "tokenized"}],
                        eval_steps=2, **changes)
        self.good("train", self.config(**settings, output_dir=str(self.dir / "whole")))
        for step in range(1, steps):
            out = self.dir / "out"
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(self.dir / "whole", out)
            for later in range(step + 1, steps + 1):
                shutil.rmtree(out / f"checkpoint-{later}")
            (out / "adapter_model.safetensors").unlink()
            said = self.good("train", self.config(**settings), "--resume").stderr
            self.assertIn(f"resuming after step {step} ", said)
            self.same_run("out", "whole", steps)
        tell_count("resumed after each step", steps - 1)

    def test_f32(self):
        self.resume_after_every_step(fault_trials(6, 50))

    def test_bf16_with_dropout_recomputed(self):
        self.resume_after_every_step(fault_trials(5, 50), bf16="auto", lora_dropout=0.1, gradient_checkpointing=True)

    def test_accumulation_with_dropout_and_early_stopping_in_sight(self):
        self.resume_after_every_step(fault_trials(5, 50), gradient_accumulation_steps=3, micro_batch_size=3, lora_dropout=0.2,
                                     early_stopping_patience=1000)

    def test_a_cosine_with_restarts_of_epochs(self):
        self.resume_after_every_step(fault_trials(4, 50), micro_batch_size=8, gradient_accumulation_steps=1)  # 3 steps an epoch


class Changes(RunTest):
    def test_what_cannot_change(self):
        self.good("train", self.config())
        self.fails(2, "train", self.config(lora_r=8, lora_alpha=8), "--resume",
                   says=["lora_r was 4 and is 8, which cannot change: "])
        self.fails(2, "train", self.config(lora_target_modules=["q_proj"]), "--resume",
                   says=['lora_target_modules was ["q_proj","k_proj",', 'and is ["q_proj"]'])
        self.fails(2, "train", self.config(bnb_4bit_blocksize=32), "--resume", says=["bnb_4bit_blocksize was 64 and is 32"])
        self.fails(2, "train", self.config(micro_batch_size=4), "--resume", "--allow-change", "micro_batch_size",
                   says=["micro_batch_size was 2 and is 4, and so a step has 8 rows instead of 4 (gradient_accumulation_steps: 1 keeps "
                         "them, with --allow-change micro_batch_size,gradient_accumulation_steps), which cannot change"])
        other = self.text_model()
        model = self.dir / "model/model.safetensors"
        data = bytearray(model.read_bytes())
        data[-1] ^= 1
        model.write_bytes(bytes(data))
        self.fails(2, "train", self.config(base_model=other), "--resume",
                   says=[f"base_model was {MODEL} and is {other}, which cannot change", "the tokenizer changed"])
        rows = (self.dir / "rows.jsonl").read_text()
        (self.dir / "rows.jsonl").write_text(rows + rows.splitlines()[0] + "\n")
        self.fails(2, "train", self.config(), "--resume",
                   says=[f"the training data changed ({self.dir}/rows.jsonl: 1 line was appended), which cannot change"])
        self.write_rows("rows.jsonl", 24, seed=3)
        self.fails(2, "train", self.config(), "--resume", says=[f"the training data changed ({self.dir}/rows.jsonl: "])
        self.write_rows("rows.jsonl", 24)
        said = self.fails(2, "train", self.config(val_set_size=2), "--resume",
                          says=["belongs to: val_set_size was 0 and is 2, which cannot change: the rows would be others"]).stderr
        self.assertNotIn("test_datasets", said)
        self.assertNotIn(";", said.splitlines()[0], "one change, one reason")

    def test_what_a_word_allows(self):
        self.good("train", self.config())
        changes = dict(learning_rate=0.003, lr_scheduler="linear")
        self.fails(2, "train", self.config(**changes), "--resume", "--allow-change", "learning_rate",
                   says=['lr_scheduler was cosine and is linear: --allow-change lr_scheduler goes on with it'])
        self.assertEqual(json.loads((self.dir / "out/run.json").read_text())["settings"]["lr_scheduler"], "cosine")
        said = self.good("train", self.config(**changes), "--resume", "--allow-change", "learning_rate", "--allow-change",
                         "lr_scheduler").stderr
        self.assertIn("going on with changes: ", said)
        self.assertEqual(json.loads((self.dir / "out/run.json").read_text())["settings"]["lr_scheduler"], "linear")

    def test_more_epochs(self):
        self.good("train", self.config(max_steps=None, num_epochs=1))
        self.assertEqual(self.checkpoints(), [2, 4, 6])
        longer = self.config(max_steps=None, num_epochs=2)
        self.fails(2, "train", longer, "--resume", says=["num_epochs was 1 and is 2 (6 steps before, 12 now): --allow-change num_epochs goes on"])
        said = self.good("train", longer, "--resume", "--allow-change", "num_epochs")
        self.assertIn("resuming after step 6", said.stderr)
        self.assertIn("finished after step 12", said.stdout)
        steps = lines(self.dir / "out/metrics.jsonl")
        self.assertEqual([step["step"] for step in steps], list(range(1, 13)))
        # The schedule is the one of twelve steps: step 7 of a run that had them from the start.
        self.good("train", self.config(max_steps=None, num_epochs=2, output_dir=str(self.dir / "whole")))
        self.assertEqual(steps[6]["learning_rate"], lines(self.dir / "whole/metrics.jsonl")[6]["learning_rate"])
        # The new checkpoints hold the new setting: no word is needed again.
        shutil.rmtree(self.dir / "out/checkpoint-12")
        said = self.good("train", self.config(max_steps=None, num_epochs=2), "--resume").stderr
        self.assertIn("saved step 12", said)
        self.fails(2, "train", self.config(max_steps=14, num_epochs=2), "--resume",
                   says=["max_steps was not set and is 14 (12 steps before, 14 now): --allow-change max_steps goes on"])
        self.fails(2, "train", self.config(max_steps=7), "--resume", "--allow-change", "max_steps",
                   says=["the checkpoint has taken 12 steps, and this run has 7"])

    def test_the_same_rows_of_a_step_in_other_micro_batches(self):
        self.good("train", self.config(max_steps=6))
        shutil.rmtree(self.dir / "out/checkpoint-6")
        self.good("train", self.config(micro_batch_size=4, gradient_accumulation_steps=1), "--resume", "--allow-change",
                  "micro_batch_size,gradient_accumulation_steps")
        self.assertEqual(len(lines(self.dir / "out/metrics.jsonl")), 6)

    def test_other_evaluation_rows(self):
        def data(name):
            return dict(test_datasets=[{"path": str(self.write_rows(name, 5, seed=len(name))), "type": "tokenized"}], eval_steps=2)

        self.good("train", self.config(**data("e.jsonl")))
        self.assertIsNotNone(self.state("out/checkpoint-6")["best"])
        self.fails(2, "train", self.config(**data("ev.jsonl")), "--resume",
                   says=["test_datasets was ", ": --allow-change test_datasets goes on with it"])
        shutil.rmtree(self.dir / "out/checkpoint-6")
        self.good("train", self.config(**data("ev.jsonl")), "--resume", "--allow-change", "test_datasets")
        self.assertEqual(self.state("out/checkpoint-6")["best"]["step"], 6)  # the losses before do not compare

    def test_words_that_say_nothing(self):
        self.fails(2, "train", self.config(), "--allow-change", "learning_rate", says=["--allow-change", "add --resume"])
        self.good("train", self.config())
        self.fails(2, "train", self.config(), "--resume", "--allow-change", "lora_r", says=["lora_r cannot change within a run"])
        self.fails(2, "train", self.config(), "--resume", "--allow-change", "lerning_rate", says=["did you mean learning_rate?"])
        self.fails(2, "train", self.config(), "--resume", "--allow-change", "max_steps,lerning_rate",
                   says=["--allow-change lerning_rate: no key of the config"])
        said = self.good("train", self.config(), "--resume", "--allow-change", "save_steps").stderr
        self.assertIn("--allow-change save_steps has no effect", said)

    def test_what_does_not_shape_the_numbers_is_listed(self):
        self.good("train", self.config())
        self.assertNotIn("warning", self.good("train", self.config(), "--resume").stderr)
        said = self.good("train", self.config(logging_steps=3, save_steps=3), "--resume").stderr
        listed = [line for line in said.splitlines() if "in nothing that shapes the numbers" in line]
        self.assertEqual(len(listed), 1, said)
        self.assertIn("logging_steps was 1 and is 3", listed[0])
        self.assertIn("save_steps was 2 and is 3", listed[0])
        shutil.copy(VERNIER, self.dir / "other")
        with open(self.dir / "other", "ab") as file:
            file.write(b"\0")
        done = subprocess.run([self.dir / "other", "train", self.config(), "--resume"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("warning: the checkpoint was written by another build of this program", done.stderr)

    def test_auto_resume_is_resume(self):
        for _ in range(2):
            done = self.good("train", self.config(auto_resume_from_checkpoints=True, max_steps=4))
        self.assertIn("already finished after step 4", done.stdout)
        self.assertEqual(len(numbers(self.dir / "out/metrics.jsonl")), 4)


if __name__ == "__main__":
    unittest.main()

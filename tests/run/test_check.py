"""`vernier check`: what it says without loading weights, and that its memory prediction holds."""
import json
import re
import unittest

from support import SHARED, RunTest, lines, needs_shared


def predicted_bytes(text):
    number, unit = re.search(r"predicted peak ([0-9.]+) (MiB|GiB)", text).groups()
    return float(number) * {"MiB": 2**20, "GiB": 2**30}[unit]


class Check(RunTest):
    def test_says_what_will_be_trained_and_writes_nothing(self):
        text = self.good("check", self.config()).stdout
        for part in ("14 linears x rank 4: 9248 trainable parameters", "24 rows", "steps     6 (6 an epoch)", "predicted peak"):
            self.assertIn(part, text)
        self.assertFalse((self.dir / "out").exists())

    def test_room_on_the_disk(self):
        said = self.good("check", self.config()).stdout
        self.assertRegex(said, r"\ndisk      3 checkpoints and the final files need [\d.]+ MiB of [\d.]+ [MGT]iB free in \S+/out\n")
        self.good("train", self.config(max_steps=4))
        left = self.config(resume_from_checkpoint=True)
        self.assertIn("\ndisk      1 checkpoint and", self.good("check", left).stdout)  # two are there

    def test_too_little_room_is_told_as_the_run_would(self):
        with self.small_disk("size=2000k") as disk:
            settings = dict(output_dir=str(disk / "out"))
            said = self.good("check", self.config(save_steps=1, **settings))
            self.assertIn("are free: a lower save_total_limit needs less", said.stderr)
            (disk / "filling").write_bytes(b"x" * (1700 << 10))
            says = ["the disk is full: ", " bytes are needed, ", " are missing"]
            of_check = self.fails(3, "check", self.config(**settings), says=says)
            self.assertIn("\ndisk ", of_check.stdout)
            of_train = self.fails(3, "train", self.config(**settings), says=says)
            needed = [re.search(r"\d+ bytes are needed", done.stderr).group() for done in (of_check, of_train)]
            self.assertEqual(needed[0], needed[1])
            self.assertEqual([path.name for path in disk.iterdir() if path.name != "out"], ["filling"])

    def test_a_length_above_the_models_positions_is_told(self):
        note = "sequence_len 4096 is above the model's 64 positions: 64 is used"
        for words in (("check",), ("train",), ("eval", "--adapter", self.dir / "out")):
            done = self.good(words[0], self.config(sequence_len=4096), *words[1:])
            self.assertEqual(done.stderr.count(note), 1, done.stderr)
            self.assertRegex(done.stderr, r"run\.yaml:\d+:\d+: " + note)
        self.assertNotIn("positions", self.good("check", self.config(sequence_len=64)).stderr)

    def test_a_used_output_dir_is_told(self):
        self.good("train", self.config(save_strategy="no", save_steps=None))
        self.assertIn("holds a finished adapter", self.good("check", self.config()).stdout)
        self.good("train", self.config(), "--overwrite-output-dir")
        self.assertIn("has checkpoints", self.good("check", self.config()).stdout)
        self.assertNotIn("output ", self.good("check", self.config(overwrite_output_dir=True)).stdout)

    def test_bad_data_is_found(self):
        (self.dir / "rows.jsonl").write_text('{"input_ids": [1, 2}\n')
        done = self.fails(2, "check", self.config(), says=["rows.jsonl:1:"])
        self.assertIn("run.yaml: every key is right\n", done.stdout)

    def test_a_foreign_tokenizer_is_told(self):
        own = dict(base_model=self.text_model())
        self.assertNotIn("tokenizer", self.good("check", self.config(**own)).stderr)
        small = dict(base_model=self.text_model("small", tokens=100))
        for command in ("check", "train"):
            self.assertIn("small: the tokenizer has 100 tokens and the model 256: is it this model's?",
                          self.good(command, self.config(**small)).stderr)
        padded = self.text_model("padded", tokens=240)
        self.assertNotIn("tokenizer", self.good("check", self.config(base_model=padded)).stderr)
        config = json.loads((self.dir / "padded/config.json").read_text())
        (self.dir / "padded/config.json").write_text(json.dumps({**config, "eos_token_id": [2, 250]}))
        said = self.good("check", self.config(base_model=padded)).stderr
        self.assertEqual(said.count("is it this model's?"), 1, said)
        self.assertIn("padded: config.json's eos_token_id 250 is no token of the tokenizer", said)

    def test_warm_up_that_cannot_be_is_told(self):
        for command in ("check", "train"):
            done = self.good(command, self.config(warmup_steps=7), *(["--overwrite-output-dir"] if command == "train" else []))
            self.assertRegex(done.stderr, r"run\.yaml:\d+:\d+: warmup_steps 7 is longer than the run of 6 steps")
        self.assertNotIn("warmup", self.good("check", self.config(warmup_steps=6)).stderr)
        for changes in (dict(warmup_steps=2), dict(warmup_steps=None, warmup_ratio=0.5)):
            done = self.good("check", self.config(lr_scheduler="constant", **changes))
            self.assertRegex(done.stderr, r"run\.yaml:\d+:\d+: warmup_\w+ has no effect: lr_scheduler: constant has no warm-up")

    def test_data_may_be_a_folder_or_a_pattern(self):
        (self.dir / "data").mkdir()
        self.write_rows("data/a.jsonl", 5)
        self.write_rows("data/b.jsonl", 6, seed=2)
        for path, rows in (("data", 11), ("data/*.jsonl", 11), ("data/b.*", 6)):
            text = self.good("check", self.config(datasets=[{"path": str(self.dir / path), "type": "tokenized"}])).stdout
            self.assertIn(f"data      {rows} rows", text)
        self.fails(2, "check", self.config(datasets=[{"path": str(self.dir / "data/*.json"), "type": "tokenized"}]),
                   says=["run.yaml:", "no file matches"])


class MemoryPrediction(RunTest):
    def within_five_percent(self, **changes):
        predicted = predicted_bytes(self.good("check", self.config(**changes)).stdout)
        self.good("train", self.config(**changes), "--overwrite-output-dir")
        measured = lines(self.dir / "out/metrics.jsonl")[-1]["peak_rss_bytes"]
        self.assertLess(abs(predicted / measured - 1), 0.05, f"{predicted / 2**20:.1f} MiB predicted, {measured / 2**20:.1f} measured")

    def test_tiny_model(self):
        for bf16 in (False, "auto"):
            for checkpointing in (True, False):
                self.within_five_percent(bf16=bf16, gradient_checkpointing=checkpointing)

    def test_many_batch_sizes(self):
        with open(self.dir / "rows.jsonl", "w") as file:
            for i in range(40):
                ids = [5 + j % 200 for j in range((i // 2 % 7 + 1) * 32 - 3)]
                file.write(json.dumps({"input_ids": ids, "labels": ids}) + "\n")
        self.within_five_percent(bf16="auto", shuffle=False, max_steps=20, gradient_accumulation_steps=1,
                                sequence_len=64, excess_length_strategy="truncate")

    def test_max_memory_chooses_how_many_layers_keep(self):
        def memory(budget):
            text = self.good("check", self.config(max_memory=f"{int(budget)}B", **sizes)).stdout
            return next(line for line in text.splitlines() if line.startswith("memory"))

        sizes = dict(sequence_len=64, micro_batch_size=8)
        all_kept = predicted_bytes(self.good("check", self.config(gradient_checkpointing=False, **sizes)).stdout)
        none_kept = predicted_bytes(self.good("check", self.config(gradient_checkpointing=True, **sizes)).stdout)
        self.assertLess(none_kept, all_kept)
        self.assertIn("activations kept, ", memory(all_kept + 2**20))
        self.assertRegex(memory((all_kept + none_kept) / 2), r"activations (kept in \d of \d layers|recomputed), .*\(max_memory\)")
        # A little less than the attention of every layer takes, which is told to a tenth of a MiB.
        less = (memory(none_kept + down * 2**13) for down in range(8, -16, -1))
        text = next(line for line in less if "activations recomputed, predicted" not in line)
        self.assertRegex(text, r"activations recomputed, attention too in \d of 2 layers, .*\(max_memory\)")
        for command in ("check", "train"):
            self.fails(3, command, self.config(max_memory="50MB", **sizes), says=["the run needs about", "(max_memory)", "no settings fit"])
        self.fails(2, "check", self.config(max_memory="50"), says=["run.yaml:", "max_memory", "a size: 8GB"])

    @needs_shared("models")
    def test_shared_models(self):
        for model in ("stories260K", "babyllama_tok361"):
            for bf16 in (False, "auto"):
                self.within_five_percent(base_model=str(SHARED / "models" / model / "hf"), bf16=bf16, micro_batch_size=6)


if __name__ == "__main__":
    unittest.main()

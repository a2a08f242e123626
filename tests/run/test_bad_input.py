"""Bad input: one message that names file and place, the right exit code, nothing written over."""
import json
import shutil
import struct
import unittest

from support import MODEL, RunTest, lines, tensors


class BadConfig(RunTest):
    def test_unknown_key_names_place_and_neighbour(self):
        path = self.dir / "typo.yaml"
        path.write_text(f"base_model: {MODEL}\nlora_ramk: 8\nlearning_rate: fast\n"
                        f"datasets:\n  - path: rows.jsonl\n    type: tokenized\noutput_dir: out\n")
        self.fails(2, "train", path, says=["typo.yaml:2:1", "lora_ramk", "lora_rank", "typo.yaml:3:"])
        self.assertFalse((self.dir / "out").exists())

    def test_missing_file_and_unknown_command(self):
        self.fails(2, "train", self.dir / "none.yaml", says=["none.yaml"])
        self.fails(2, "trian", self.config())
        self.fails(2, "train")

    def test_rank_zero(self):
        self.fails(2, "train", self.config(lora_r=0, lora_alpha=1), says=["lora_r"])

    def place(self, key):
        """run.yaml:line:column of a key in the config that was written last."""
        for number, line in enumerate((self.dir / "run.yaml").read_text().splitlines(), 1):
            if line.strip().startswith(f'"{key}"'):
                return f"run.yaml:{number}:{line.index(key)}: "
        raise KeyError(key)

    def test_unmatched_target_lists_the_linears(self):
        path = self.config(lora_target_modules=["q_proj", "query"])
        for command in ("train", "check"):
            self.fails(2, command, path, says=[self.place("lora_target_modules"), "query", "q_proj", "down_proj"])

    def test_errors_of_values_name_the_keys_place(self):
        path = self.config(lora_target_modules="q_proj(")
        self.fails(2, "train", path, says=[self.place("lora_target_modules"), "not a regular expression"])
        path = self.config(val_set_size=24)
        self.fails(2, "train", path, says=[self.place("val_set_size") + "val_set_size 24 takes 24 of 24 rows"])
        self.fails(2, "train", path, "val_set_size=30", says=["command line (val_set_size=30): val_set_size 30 takes 30"])
        self.good("train", self.config())
        path = self.config(lora_model_dir=str(self.dir / "out"), lora_r=8, lora_alpha=None, output_dir="b")
        self.fails(2, "train", path, says=[self.place("lora_r")])

    def test_numbers_with_underscores_are_refused(self):
        path = self.dir / "under.yaml"
        path.write_text(f"base_model: {MODEL}\nlora_r: 1_0\ndatasets:\n  - path: rows.jsonl\noutput_dir: out\n")
        self.fails(2, "train", path, says=['under.yaml:2:9: lora_r: "1_0" is not a whole number'])

    def test_a_key_that_stands_twice_is_told_once(self):
        path = self.dir / "twice.yaml"
        path.write_text(f"base_model: {MODEL}\noutput_dir: a\ndatasets:\n  - path: rows.jsonl\noutput_dir: b\n")
        done = self.fails(2, "train", path, says=['twice.yaml:5:1: "output_dir" is given twice, first in line 2'])
        self.assertEqual(done.stderr.count("output_dir"), 1, done.stderr)

    def test_options_of_other_commands(self):
        for command in ("check", "eval"):
            self.fails(2, command, self.config(), "--resume", says=[f"{command} has no --resume: it is an option of train"])
        self.fails(2, "check", self.config(), "--resume", "threads=1", says=["check has no --resume"])
        self.good("check", self.config(), "--overwrite-output-dir", "threads=1")
        self.fails(2, "check", self.config(), "--max-stepz", says=["max_stepz", "did you mean max_steps?"])

    def test_override_and_its_typo(self):
        self.good("train", self.config(), "--max-steps", "1", "save_steps=1")
        self.fails(2, "train", self.config(), "--max-stepz", "1", says=["max_stepz", "max_steps"])

    def test_wrong_path_of_the_base(self):
        self.fails(2, "train", self.config(base_model=str(self.dir / "no/such/model")), says=["no/such/model"])

    def test_hub_id_that_is_not_there_prints_the_download_command(self):
        self.fails(2, "train", self.config(base_model="someone/some-model"), says=["hf download someone/some-model"])

    def test_output_dir_that_cannot_be_written(self):
        (self.dir / "file").write_text("")
        self.fails(2, "train", self.config(output_dir=str(self.dir / "file/out")), says=["file/out"])


class BadData(RunTest):
    def test_broken_line_57(self):
        path = self.write_rows("rows.jsonl", 80)
        rows = path.read_text().splitlines()
        rows[56] = rows[56][:-4]
        path.write_text("\n".join(rows) + "\n")
        self.fails(2, "train", self.config(), says=["rows.jsonl:57"])
        self.assertFalse((self.dir / "out/metrics.jsonl").exists())

    def test_id_outside_the_vocabulary(self):
        (self.dir / "rows.jsonl").write_text(json.dumps({"input_ids": [1, 256], "labels": [1, 256]}) + "\n")
        self.fails(2, "train", self.config(), says=["rows.jsonl:1", "256"])

    def test_text_rows_without_a_tokenizer(self):
        (self.dir / "chat.jsonl").write_text('{"messages": [{"role": "user", "content": "x"}]}\n')
        self.fails(2, "train", self.config(datasets=[{"path": str(self.dir / "chat.jsonl"), "type": "chat_template"}]),
                   says=["tokenizer"])

    def test_too_long_row_is_named(self):
        self.fails(2, "train", self.config(sequence_len=5), says=["rows.jsonl:"])
        self.good("train", self.config(sequence_len=5, excess_length_strategy="truncate", save_steps=6))
        report = (self.dir / "out/data_report.jsonl").read_text().splitlines()
        self.assertGreater(len(report), 5)
        self.assertEqual(json.loads(report[0])["action"], "truncated")

    def test_no_target_at_all(self):
        (self.dir / "rows.jsonl").write_text(json.dumps({"input_ids": [5, 6], "labels": [-100, -100]}) + "\n")
        self.fails(2, "train", self.config(), says=["target"])


class BadModel(RunTest):
    def broken(self):
        shutil.copytree(MODEL, self.dir / "model")
        return self.dir / "model"

    def test_truncated_weights(self):
        path = self.broken() / "model.safetensors"
        data = path.read_bytes()
        path.write_bytes(data[:len(data) // 2])
        self.fails(5, "train", self.config(base_model=str(self.dir / "model")), says=["model.safetensors"])

    def test_config_and_weights_that_disagree(self):
        path = self.broken() / "config.json"
        config = json.loads(path.read_text())
        config["intermediate_size"] = 100
        path.write_text(json.dumps(config))
        self.fails(2, "train", self.config(base_model=str(self.dir / "model")), says=["mlp.gate_proj.weight", "172"])

    def test_a_tensor_that_the_index_lacks(self):
        model = self.broken()
        header = tensors(model / "model.safetensors")
        (model / "model.safetensors").rename(model / "model-1.safetensors")
        names = {name: "model-1.safetensors" for name in header if name != "model.norm.weight"}
        (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
        self.fails(2, "train", self.config(base_model=str(model)),
                   says=["model.safetensors.index.json: no tensor model.norm.weight, which the config asks for",
                         "fetch the model again"])

    def test_unknown_architecture(self):
        path = self.broken() / "config.json"
        config = json.loads(path.read_text())
        config["model_type"] = "mamba"
        path.write_text(json.dumps(config))
        self.fails(2, "check", self.config(base_model=str(self.dir / "model")), says=["mamba", "llama"])


class Divergence(RunTest):
    def overflowing_head(self):
        """The tiny model with a head so large that its logits overflow."""
        shutil.copytree(MODEL, self.dir / "model")
        path = self.dir / "model/model.safetensors"
        data = bytearray(path.read_bytes())
        size = struct.unpack("<Q", data[:8])[0]
        begin, end = json.loads(data[8:8 + size])["lm_head.weight"]["data_offsets"]
        data[8 + size + begin:8 + size + end] = struct.pack("<f", 3e38) * ((end - begin) // 4)
        path.write_bytes(bytes(data))
        return str(self.dir / "model")

    def test_nan_makes_no_update_and_ends_the_run(self):
        self.fails(4, "train", self.config(base_model=self.overflowing_head()), says=["step 1", "rows.jsonl:"])
        self.assertFalse((self.dir / "out/adapter_model.safetensors").exists())
        self.assertEqual([line["step"] for line in lines(self.dir / "out/metrics.jsonl") if "skipped" in line], [1, 2, 3])


class Help(RunTest):
    def test_every_command_explains_itself(self):
        self.assertIn("train", self.good("--help").stdout)
        for command in ("train", "check", "eval", "generate", "merge", "logits", "version"):
            self.assertIn("--help", self.good(command, "--help").stdout)
        for command in ("train", "check", "eval", "generate", "merge", "logits"):
            for option in ("--quiet", "--log-level"):
                self.assertIn(option, self.good(command, "--help").stdout, command)
        self.assertRegex(self.good("--version").stdout, r"^vernier \d+\.\d+\.\d+\n$")
        self.assertIn("vernier", self.good("version").stdout)


if __name__ == "__main__":
    unittest.main()

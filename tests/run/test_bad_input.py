"""Bad input: one message that names file and place, the right exit code, nothing written over."""
import json
import shutil
import struct
import unittest

from support import MODEL, RunTest


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

    def test_unmatched_target_lists_the_linears(self):
        self.fails(2, "train", self.config(lora_target_modules=["q_proj", "query"]),
                   says=["query", "q_proj", "down_proj"])

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

    def test_nan_stops_before_the_update(self):
        self.fails(4, "train", self.config(base_model=self.overflowing_head()), says=["step 1", "rows.jsonl:"])
        self.assertFalse((self.dir / "out/adapter_model.safetensors").exists())
        self.assertEqual((self.dir / "out/metrics.jsonl").read_text(), "")


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

"""merge, logits, eval and generate end to end."""
import array
import json
import unittest

from support import MODEL, ROOT, RunTest, lines, tensors

SHARED = ROOT.parent / "shared"


def floats(entry):
    dtype, _, data = entry
    assert dtype == "F32", dtype
    return array.array("f", data)


class MergeAndLogits(RunTest):
    def setUp(self):
        super().setUp()
        self.good("train", self.config(max_steps=20, learning_rate=0.02))
        (self.dir / "ids.jsonl").write_text('{"input_ids": [1, 5, 9, 200, 33]}\n{"input_ids": [7]}\n')

    def logits(self, name, *words):
        self.good("logits", "--ids", self.dir / "ids.jsonl", "--out", self.dir / name, "--bf16", "false", *words)
        return tensors(self.dir / name)

    def largest_difference(self, a, b):
        self.assertEqual(sorted(a), ["logits.0", "logits.1"])
        self.assertEqual([t[1] for _, t in sorted(a.items())], [[5, 256], [1, 256]])
        return max(abs(x - y) for name in a for x, y in zip(floats(a[name]), floats(b[name])))

    def test_merged_onto_dequantized_is_the_trained_function(self):
        self.good("merge", "--adapter", self.dir / "out", "--out", self.dir / "merged", "--dtype", "f32")
        adapter = self.logits("a", "--adapter", self.dir / "out")
        self.assertLess(self.largest_difference(adapter, self.logits("m", "--base", self.dir / "merged")), 1e-4)
        base = self.logits("b", "--base", MODEL)
        self.assertGreater(self.largest_difference(adapter, base), 1e-2)

    def test_merged_onto_original_is_the_adapter_on_the_original(self):
        self.good("merge", "--adapter", self.dir / "out", "--out", self.dir / "merged", "--onto", "original", "--dtype", "f32")
        adapter = self.logits("a", "--adapter", self.dir / "out", "--load-in-4bit", "false")
        self.assertLess(self.largest_difference(adapter, self.logits("m", "--base", self.dir / "merged")), 1e-4)

    def test_merge_refuses_what_is_not_whole(self):
        (self.dir / "full").mkdir()
        (self.dir / "full/file").write_text("mine")
        self.fails(2, "merge", "--adapter", self.dir / "out", "--out", self.dir / "full", says=["full"])
        self.assertEqual((self.dir / "full/file").read_text(), "mine")
        config = json.loads((self.dir / "out/adapter_config.json").read_text())
        config["target_modules"] = ["q_proj"]
        (self.dir / "out/adapter_config.json").write_text(json.dumps(config))
        self.fails(2, "merge", "--adapter", self.dir / "out", "--out", self.dir / "new", says=["adapter_model.safetensors"])
        self.assertFalse((self.dir / "new").exists())
        self.fails(2, "merge", "--adapter", self.dir / "nothing", "--out", self.dir / "new", says=["nothing"])

    def test_a_cut_adapter_is_damage(self):
        path = self.dir / "out/adapter_model.safetensors"
        path.write_bytes(path.read_bytes()[:-100])
        self.fails(5, "merge", "--adapter", self.dir / "out", "--out", self.dir / "new", says=["adapter_model.safetensors"])

    def test_starting_from_an_adapter(self):
        self.good("train", self.config(output_dir=str(self.dir / "more"), lora_model_dir=str(self.dir / "out"), max_steps=2,
                                       lora_r=None, lora_alpha=None))
        first = lines(self.dir / "more/metrics.jsonl")[0]["loss"]
        fresh = lines(self.dir / "out/metrics.jsonl")[0]["loss"]
        self.assertLess(first, fresh - 0.05)


class UnquantizedBase(RunTest):
    def test_plain_lora_trains_and_says_so(self):
        self.good("train", self.config(adapter="lora"))
        self.assertFalse(json.loads((self.dir / "out/vernier.json").read_text())["load_in_4bit"])


@unittest.skipUnless((SHARED / "models/stories260K").is_dir(), "../shared is absent")
class SharedStories(RunTest):
    MODEL = str(SHARED / "models/stories260K/hf")

    def test_text_in_text_out(self):
        rows = ["Once upon a time there was a little dog.", "The cat sat on the mat and was happy.", "Tom and Sue went to the park."] * 8
        (self.dir / "text.txt").write_text("\n".join(rows) + "\n")
        changes = dict(base_model=self.MODEL, datasets=[{"path": str(self.dir / "text.txt"), "type": "completion"}],
                       max_steps=40, learning_rate=0.02, val_set_size=3, save_steps=40)
        self.good("train", self.config(**changes))
        losses = [line["loss"] for line in lines(self.dir / "out/metrics.jsonl") if "loss" in line]
        self.assertLess(losses[-1], losses[0] / 3)
        words = ["generate", "--adapter", self.dir / "out", "--raw", "--max-new-tokens", "40", "--bf16", "false"]
        answer = self.good(*words, "--prompt", "The cat sat")
        self.assertIn("mat", answer.stdout)
        self.assertEqual(answer.stdout, self.good(*words, "--prompt", "The cat sat").stdout)
        (self.dir / "prompts.jsonl").write_text('{"id": 7, "prompt": "Tom and"}\n{"prompt": "Once upon"}\n')
        self.good(*words, "--prompts", self.dir / "prompts.jsonl", "--out", self.dir / "answers.jsonl")
        answers = lines(self.dir / "answers.jsonl")
        self.assertEqual([list(row) for row in answers], [["id", "prompt", "completion"], ["prompt", "completion"]])
        self.assertIn("Sue", answers[0]["completion"])

    def test_chat_without_a_template_says_what_to_do(self):
        self.fails(2, "generate", "--base", self.MODEL, "--prompt", "hello", says=["--raw"])


if __name__ == "__main__":
    unittest.main()

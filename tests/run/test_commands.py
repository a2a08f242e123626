"""merge, logits, eval and generate end to end."""
import array
import json
import os
import shutil
import struct
import unittest

from support import MODEL, ROOT, SHARED, RunTest, lines, needs_shared, tensors


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
        (self.dir / "out/manifest.json").unlink()
        self.fails(2, "merge", "--adapter", self.dir / "out", "--out", self.dir / "new", says=["adapter_model.safetensors"])
        self.assertFalse((self.dir / "new").exists())
        self.fails(2, "merge", "--adapter", self.dir / "nothing", "--out", self.dir / "new", says=["nothing"])

    def test_merge_names_the_option_that_was_meant(self):
        self.fails(2, "merge", "--adaptr", self.dir / "out", "--out", self.dir / "new",
                   says=["unknown option --adaptr", "did you mean --adapter?"])
        self.fails(2, "merge", "--adapter", self.dir / "out", "--output=new", says=["unknown option --output"])
        self.fails(2, "merge", "--adapter", self.dir / "out", "--out", self.dir / "new", "--quantise",
                   says=["unknown option --quantise", "merge --help"])
        self.fails(2, "merge", "--adapter", self.dir / "out", "--out", self.dir / "new", "--lora-r=3",
                   says=["unknown option --lora-r", "lora_r is a key of a CONFIG, and none is named"])
        # The value behind it is taken for the CONFIG.
        for words in (["--lora-r", "3"], ["--lora-r", "3", "--seed", "4"]):
            self.fails(2, "merge", *words, "--adapter", self.dir / "out", "--out", self.dir / "new",
                       says=["unknown option --lora-r", "lora_r is a key of a CONFIG"])
        self.fails(2, "merge", self.dir / "none.yaml", "--lora-r", "3", says=["none.yaml", "cannot open"])
        self.fails(2, "merge", self.config(), "--lora-ramk", "3", "--out", self.dir / "new", says=["lora_ramk", "lora_rank"])
        self.assertFalse((self.dir / "new").exists())

    def test_an_adapter_on_another_base(self):
        other = ROOT / "tests/golden/arch/qwen3"
        says = ["out/adapter_model.safetensors", "another base or for other targets", "layers.0.self_attn.q_proj.lora_",
                f"the base here is {other}", f"adapter_config.json names {MODEL} as its base"]
        self.fails(2, "logits", "--base", other, "--adapter", self.dir / "out", "--ids", self.dir / "ids.jsonl",
                   "--out", self.dir / "a", says=says)
        self.fails(2, "merge", "--base", other, "--adapter", self.dir / "out", "--out", self.dir / "new", says=says)
        self.fails(2, "train", self.config(output_dir=str(self.dir / "more"), lora_model_dir=str(self.dir / "out"),
                                           base_model=str(other), lora_r=None, lora_alpha=None), says=says)

    def test_a_hub_id_is_taken_at_the_adapters_revision(self):
        cache = self.dir / "hub/models--org--tiny"
        for revision, commit in (("main", "a" * 40), ("v2", "b" * 40)):
            (cache / "refs").mkdir(parents=True, exist_ok=True)
            (cache / "refs" / revision).write_text(commit)
        (cache / "snapshots").mkdir()
        shutil.copytree(MODEL, cache / "snapshots" / ("b" * 40))  # of v2 alone
        path = self.dir / "out/adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": "org/tiny", "revision": "v2"}))
        (self.dir / "out/manifest.json").unlink()
        environment = {**os.environ, "HF_HUB_CACHE": str(self.dir / "hub")}
        words = ["--adapter", self.dir / "out"]
        self.good("logits", *words, "--ids", self.dir / "ids.jsonl", "--out", self.dir / "a", env=environment)
        self.good("merge", *words, "--out", self.dir / "merged", env=environment)
        # The tiny model has no tokenizer: that is what `generate` finds missing in the right revision.
        self.fails(2, "generate", *words, "--raw", "--prompt", "a", env=environment, says=["b" * 40, "no tokenizer"])

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


class BadRows(RunTest):
    """Rows are refused before a weight is read: those of this model hold NaN, which only reading them shows."""

    def setUp(self):
        super().setUp()
        self.model = self.dir / "model"
        shutil.copytree(MODEL, self.model)
        data = bytearray((self.model / "model.safetensors").read_bytes())
        data[-4:] = struct.pack("<f", float("nan"))
        (self.model / "model.safetensors").write_bytes(bytes(data))
        letters = {letter: i for i, letter in enumerate("abcd")}
        (self.model / "tokenizer.json").write_text(json.dumps({
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}, "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": letters, "merges": []}}))

    def write(self, name, *rows):
        (self.dir / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return self.dir / name

    def test_logits(self):
        words = ["logits", "--base", self.model, "--out", self.dir / "out.safetensors", "--ids"]
        self.fails(4, *words, self.write("good.jsonl", {"input_ids": [1]}), says=["NaN"])
        self.fails(2, *words, self.write("ids.jsonl", {"input_ids": [1]}, {"input_ids": [300]}, {"input_ids": [1] * 65}),
                   says=["ids.jsonl:2: input_ids[0] is 300", "ids.jsonl:3: the row has 65 tokens"])

    def test_prompts(self):
        words = ["generate", "--base", self.model, "--raw", "--out", self.dir / "out.jsonl", "--prompts"]
        self.fails(4, *words, self.write("good.jsonl", {"prompt": "abcd"}), says=["NaN"])
        rows = [{"prompt": "a"}, {"prompt": "ab" * 32}, {"prompt": ""}]
        self.fails(2, *words, self.write("long.jsonl", *rows), says=["long.jsonl:2: the prompt has 64 tokens", "long.jsonl:3:"])
        rows = [{"prompt": "a"}, {"messages": [{"role": "user", "content": "a"}]}]
        self.fails(2, *words, self.write("chat.jsonl", *rows), says=["chat.jsonl:2: a conversation needs a chat template"])
        self.fails(2, "generate", "--base", self.model, "--raw", "--prompt", "abcd" * 16, says=["--prompt: the prompt has 64"])
        self.assertFalse((self.dir / "out.jsonl").exists())


class EvalSays(RunTest):
    def answer(self, **changes):
        return json.loads(self.good("eval", self.config(**changes), "--json").stdout)

    def test_which_rows_it_read(self):
        rows, held_out = self.dir / "rows.jsonl", self.write_rows("held_out.jsonl", 5, seed=2)
        answer = self.answer(test_datasets=[{"path": str(held_out), "type": "tokenized"}])
        self.assertEqual((answer["rows"], answer["source"]), (5, str(held_out)))
        answer = self.answer(val_set_size=0.25)
        self.assertEqual((answer["rows"], answer["source"]), (6, f"val_set_size 0.25 of {rows}"))
        answer = self.answer()
        self.assertEqual((answer["rows"], answer["source"]), (24, str(rows)))
        self.assertIn(f"source      {rows}\n", self.good("eval", self.config()).stdout)


class UnquantizedBase(RunTest):
    def test_plain_lora_trains_and_says_so(self):
        self.good("train", self.config(adapter="lora"))
        self.assertFalse(json.loads((self.dir / "out/vernier.json").read_text())["load_in_4bit"])


@needs_shared("models/stories260K")
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

"""The chat template an adapter was trained with goes with it: into its directory, generate, eval and the merged model."""
import hashlib
import json
import unittest

from support import RunTest

BASES = "{% for m in messages %}[{{ m.role[0] }}]{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}[a]{% endif %}"
OURS = "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}a:{% endif %}"


class ChatTemplates(RunTest):
    def setUp(self):
        super().setUp()
        self.base = self.text_model(chat_template=BASES)
        (self.dir / "ours.jinja").write_text(OURS)
        (self.dir / "chat.jsonl").write_text("".join(json.dumps({"messages": [
            {"role": "user", "content": question}, {"role": "assistant", "content": answer}]}) + "\n"
            for question, answer in (("one", "1"), ("two", "[2]"), ("six", '{"n":6}')) for _ in range(4)))
        (self.dir / "text.txt").write_text("one two six\n" * 8)

    def chat(self, **changes):
        return self.config(**{"base_model": self.base, "chat_template": str(self.dir / "ours.jinja"), "max_steps": 2,
                              "datasets": [{"path": str(self.dir / "chat.jsonl"), "type": "chat_template"}], **changes})

    def record(self, directory="out"):
        return json.loads((self.dir / directory / "vernier.json").read_text())["chat_template_sha256"]

    def test_it_lies_beside_the_adapter_and_in_every_checkpoint(self):
        self.good("train", self.chat())
        for directory in ("out", "out/checkpoint-2"):
            self.assertEqual((self.dir / directory / "chat_template.jinja").read_text(), OURS)
            self.assertEqual(self.record(directory), hashlib.sha256(OURS.encode()).hexdigest())
        manifest = json.loads((self.dir / "out/checkpoint-2/manifest.json").read_text())
        self.assertIn("chat_template.jinja", [file["name"] for file in manifest["files"]])
        self.good("train", self.chat(chat_template=None, output_dir=str(self.dir / "own")))
        self.assertEqual((self.dir / "own/chat_template.jinja").read_text(), BASES)

    def test_without_conversations_there_is_none(self):
        self.good("train", self.chat())
        text = [{"path": str(self.dir / "text.txt"), "type": "completion"}]
        done = self.good("train", self.chat(datasets=text), "--overwrite-output-dir")
        for directory in ("out", "out/checkpoint-2"):
            self.assertFalse((self.dir / directory / "chat_template.jinja").exists())
            self.assertIsNone(self.record(directory))
        self.assertIn(f"vernier generate --adapter {self.dir}/out --raw --prompt", done.stdout)

    def test_the_next_command_is_right(self):
        command = f"vernier generate --adapter {self.dir}/out --prompt"
        self.assertIn(command, self.good("train", self.chat()).stdout)
        self.good("generate", "--adapter", self.dir / "out", "--prompt", "one", "--max-new-tokens", "2")
        done = self.good("train", self.config(), "--overwrite-output-dir")
        self.assertIn(command.replace("--prompt", "--raw --prompt"), done.stdout)

    def used(self, *words):
        """The lines that say which template `generate` takes."""
        done = self.good("generate", "--prompt", "one", "--max-new-tokens", "2", *words)
        return [line for line in done.stderr.splitlines() if "chat template" in line or "chat_template" in line]

    def test_generate_takes_it_unless_told_otherwise(self):
        self.good("train", self.chat())
        adapter = ["--adapter", self.dir / "out"]
        self.assertEqual(self.used(*adapter), [f"chat template {self.dir}/out/chat_template.jinja, the adapter's"])
        self.assertEqual(self.used("--base", self.base), ["chat template the tokenizer's"])
        asked = self.used(*adapter, "--chat-template", "tokenizer_default")
        self.assertEqual(asked[0], "chat template the tokenizer's")
        self.assertIn("warning: the adapter was trained with another chat template", asked[1])
        self.assertEqual(self.used(*adapter, "--chat-template", self.dir / "ours.jinja"),
                         [f"chat template {self.dir}/ours.jinja"])
        self.assertEqual(self.used(*adapter, "--raw"), [])
        # A base without a template has one with this adapter.
        bare = self.text_model("bare")
        self.used("--base", bare, *adapter)
        self.fails(2, "generate", "--base", bare, "--prompt", "one", says=["--raw"])

    def test_a_template_that_is_lost_or_changed_is_told(self):
        self.good("train", self.chat())
        path = self.dir / "out/chat_template.jinja"
        path.write_text(OURS + " ")
        self.fails(5, "generate", "--adapter", self.dir / "out", "--prompt", "one", says=["remove manifest.json"])
        (self.dir / "out/manifest.json").unlink()
        self.assertIn("warning: ", self.used("--adapter", self.dir / "out")[0])
        path.unlink()
        self.assertIn("chat_template.jinja is missing", self.used("--adapter", self.dir / "out")[0])

    def test_eval_takes_it_unless_the_config_names_one(self):
        self.good("train", self.chat())
        words = ["--adapter", self.dir / "out", "--json"]

        def answer(config, *more):
            done = self.good("eval", config, *words, *more)
            return json.loads(done.stdout)["loss"], done.stderr

        named, _ = answer(self.chat())
        loss, said = answer(self.chat(chat_template=None))
        self.assertEqual(loss, named)
        self.assertIn(f"chat template {self.dir}/out/chat_template.jinja, the adapter's", said)
        other, said = answer(self.chat(chat_template=None), "--chat-template", "tokenizer_default")
        self.assertNotEqual(other, named)
        self.assertIn("another chat template", said)

    def test_merge_carries_it(self):
        self.good("train", self.chat(max_steps=4, learning_rate=0.02))
        done = self.good("merge", "--adapter", self.dir / "out", "--out", self.dir / "merged")
        self.assertIn("the chat template is the adapter's", done.stderr)
        self.assertEqual((self.dir / "merged/chat_template.jinja").read_text(), OURS)
        config = json.loads((self.dir / "merged/tokenizer_config.json").read_text())
        self.assertEqual((config["chat_template"], config["eos_token"]), (OURS, "</s>"))

    def test_going_on_from_an_adapter_with_another_one_is_told(self):
        self.good("train", self.chat())
        done = self.good("train", self.chat(chat_template=None, lora_model_dir=str(self.dir / "out"), lora_r=None,
                                            lora_alpha=None, output_dir=str(self.dir / "more")))
        self.assertIn("was trained with another chat template", done.stderr)

    def test_records_are_checked_before_a_weight_is_read(self):
        # The weights hold NaN, which only reading them shows.
        path = self.dir / "model/model.safetensors"
        path.write_bytes(path.read_bytes()[:-4] + b"\0\0\xc0\x7f")
        self.fails(4, "eval", self.chat(), says=["NaN"])
        changes = dict(metrics=["exact_json"], test_datasets=[{"path": str(self.dir / "bad.jsonl"), "type": "chat_template"}])
        (self.dir / "bad.jsonl").write_text('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n')
        self.fails(2, "eval", self.chat(**changes), says=["bad.jsonl:1: ", "the assistant's last turn is not JSON"])
        self.fails(2, "eval", self.chat(metrics=["exact_json"], val_set_size=2), says=["needs its rows in test_datasets"])


if __name__ == "__main__":
    unittest.main()

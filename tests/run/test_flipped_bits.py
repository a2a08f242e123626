"""One flipped bit, in the newest checkpoint or in the base's weights: found before it is used."""
import json
import pathlib
import shutil
import struct
import unittest

from fault_support import FaultTest
from support import MODEL, fault_trials, tell_count


def flip_bit(rng, path, first=0):
    data = bytearray(path.read_bytes())
    at = rng.randrange(first, len(data))
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(data))
    return f"byte {at} of {path.name}"


class Checkpoint(FaultTest):
    def damaged(self, rng, folder):
        out = folder / "out"
        shutil.copytree(self.whole, out)
        name = rng.choice(sorted(path.name for path in (out / "checkpoint-6").iterdir()))
        where = flip_bit(rng, out / "checkpoint-6" / name)
        done = self.good(*self.into(out, "--resume"))
        passed = [line for line in done.stderr.splitlines() if "passed over checkpoint-6: " in line]
        self.assertEqual(len(passed), 1, f"{where}: {done.stderr}")
        self.assertIn("manifest" if name == "manifest.json" else name, passed[0], where)
        self.assertIn("resuming after step 5 ", done.stderr, where)
        self.equals_whole(out)

    def test_in_any_file_of_the_newest_checkpoint(self):
        self.short_run()
        count = self.trials(fault_trials(40, 1000), self.damaged)
        tell_count("bits flipped in the newest checkpoint", count, "each found, the older checkpoint taken")

    def test_in_every_checkpoint(self):
        self.short_run()
        for step in (5, 6):
            path = self.whole / f"checkpoint-{step}/trainer_state.json"
            path.write_bytes(path.read_bytes().replace(b"seed", b"sead"))
        before = (self.whole / "adapter_model.safetensors").read_bytes()
        self.fails(5, *self.into(self.whole, "--resume"), says=["checkpoint-5", "checkpoint-6", "--overwrite-output-dir"])
        self.assertEqual((self.whole / "adapter_model.safetensors").read_bytes(), before)


class Metrics(FaultTest):
    def damaged(self, rng, folder):
        out = folder / "out"
        shutil.copytree(self.whole, out)
        path = out / "metrics.jsonl"
        data = path.read_bytes()
        where = flip_bit(rng, path)
        changed = path.read_bytes()
        done = self.good(*self.into(out, "--resume"))
        self.assertIn(f"warning: {path}: was ", done.stderr, where)
        if changed[-1:] == data[-1:]:  # else the last line has lost its end, and goes
            self.assertIn("do not have the hash", done.stderr, where)
            self.assertEqual(path.read_bytes(), changed, where)
        self.assertEqual(self.weights(out), (self.whole / "adapter_model.safetensors").read_bytes(), where)

    def test_in_the_lines_before_the_checkpoint(self):
        self.short_run()
        self.assertNotIn("metrics.jsonl", self.good(*self.into(self.whole, "--resume")).stderr)
        count = self.trials(fault_trials(5, 100), self.damaged)
        tell_count("bits flipped in metrics.jsonl", count, "each told by --resume")

    def test_it_is_told_once(self):
        # What is saved later has the hash of what is there.
        self.short_run()
        path = self.whole / "metrics.jsonl"
        path.write_bytes(path.read_bytes().replace(b'"step": 1', b'"step": 7', 1))
        more = ["max_steps=8", "--allow-change", "max_steps", "--resume"]
        self.assertIn("do not have the hash", self.good(*self.into(self.whole, *more)).stderr)
        self.assertNotIn("metrics.jsonl", self.good(*self.into(self.whole, *more)).stderr)


class Adapter(FaultTest):
    """A flipped bit in an adapter that a command loads: in a checkpoint, and at the root of output_dir."""

    def damaged(self, rng, folder):
        self.adapter = folder / "whole"
        shutil.copytree(self.whole, self.adapter)
        loaded = self.adapter if rng.random() < 0.5 else self.adapter / "checkpoint-6"
        name = rng.choice(["adapter_model.safetensors", "adapter_config.json", "vernier.json", "manifest.json"])
        where = flip_bit(rng, loaded / name)
        for words in (["eval", self.path, "--adapter", loaded], ["merge", "--adapter", loaded, "--out", folder / "merged"],
                      ["generate", "--adapter", loaded, "--raw", "--prompt", "ab"],
                      ["logits", "--adapter", loaded, "--ids", self.ids, "--out", folder / "l.safetensors"],
                      ["train", self.next, f"lora_model_dir={loaded}", f"output_dir={folder / 'next'}"]):
            said = self.fails(5, *words, says=[str(loaded / name), "remove manifest.json"]).stderr
            self.assertEqual(said.count("vernier: "), 1, f"{where}: {said}")
        self.assertFalse((folder / "merged").exists(), where)
        self.assertEqual([path for path in folder.glob("next/adapter*")], [], where)
        if loaded == self.adapter:
            said = self.good(*self.into(self.adapter, "--resume")).stderr
            self.assertIn(f"{loaded / name}: ", said, where)
            self.assertIn("the end of this run writes the adapter again", said, where)
            self.equals_whole(self.adapter)
            self.assertNotIn("damaged", self.good(*self.into(self.adapter, "--resume")).stderr)

    def test_in_any_file_of_an_adapter(self):
        self.ids = self.dir / "ids.jsonl"
        self.ids.write_text(json.dumps({"input_ids": [1, 2, 3]}) + "\n")
        model = self.text_model()
        self.short_run(base_model=model)
        self.next = self.config("next.yaml", base_model=model, lora_r=None, lora_alpha=None)
        count = self.trials(fault_trials(6, 200), self.damaged)
        tell_count("bits flipped in an adapter", count, "each found by eval, merge, generate, logits and a start from it")

    def test_one_without_a_manifest_loads(self):
        self.short_run()
        (self.whole / "manifest.json").unlink()
        self.good("eval", self.path, "--adapter", self.whole)
        # As a checkpoint whose optimizer was deleted does.
        (self.whole / "checkpoint-6/optimizer.safetensors").unlink()
        self.good("eval", self.path, "--adapter", self.whole / "checkpoint-6")


class Base(FaultTest):
    workers = 1  # all trials damage the one base

    def setUp(self):
        super().setUp()
        self.model = pathlib.Path(self.dir / "model")
        shutil.copytree(MODEL, self.model)
        self.weights_file = self.model / "model.safetensors"
        self.good_weights = self.weights_file.read_bytes()
        (size,) = struct.unpack("<Q", self.good_weights[:8])
        self.data = 8 + size  # where the values begin: a flipped bit in the header before them is often found sooner
        self.short_run(base_model=str(self.model))

    def damaged(self, rng, folder):
        out = folder / "out"
        shutil.copytree(self.whole, out)
        shutil.rmtree(out / "checkpoint-6")
        where = flip_bit(rng, self.weights_file, self.data)
        said = self.fails(2, *self.into(out, "--resume"), says=["the base model changed"]).stderr
        self.assertNotIn("step 6/", said, where)
        # Stopped before its first checkpoint: what run.json says of the base still holds.
        for path in [*out.glob("checkpoint-*"), out / "adapter_model.safetensors"]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        said = self.fails(2, *self.into(out, "--resume"), says=["run.json", "the base model changed"]).stderr
        self.assertNotIn("step 1/", said, where)
        said = self.fails(2, "merge", "--adapter", self.whole, "--out", folder / "merged", says=["another base"]).stderr
        self.assertFalse((folder / "merged").exists(), where)
        said = self.good("logits", "--adapter", self.whole, "--ids", self.ids(), "--out", folder / "l.safetensors").stderr
        self.assertIn("trained on another base", said, where)
        self.weights_file.write_bytes(self.good_weights)

    def test_in_the_weights(self):
        count = fault_trials(5, 100)
        self.trials(count, self.damaged)
        self.good(*self.into(self.whole, "--resume"))
        said = self.good("logits", "--adapter", self.whole, "--ids", self.ids(), "--out", self.dir / "l.safetensors").stderr
        self.assertNotIn("another base", said)
        tell_count("bits flipped in the base", count, "each found by --resume, by a new start, by merge and by logits")

    def test_an_adapter_to_start_from_that_was_trained_on_another(self):
        changes = dict(base_model=str(self.model), lora_model_dir=str(self.whole), lora_r=None, lora_alpha=None)
        settings = self.config("next.yaml", output_dir=str(self.dir / "next"), **changes)
        self.assertNotIn("another base", self.good("train", settings).stderr)
        data = bytearray(self.good_weights)
        data[-1] ^= 1
        self.weights_file.write_bytes(bytes(data))
        self.assertIn("trained on another base", self.good("train", settings, "--overwrite-output-dir").stderr)

    def ids(self):
        path = self.dir / "ids.jsonl"
        path.write_text(json.dumps({"input_ids": [1, 2, 3]}) + "\n")
        return path


if __name__ == "__main__":
    unittest.main()

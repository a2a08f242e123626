"""What the end-to-end tests share: the program, a tiny model, data, and a run in a folder of its own."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERNIER = os.environ.get("VERNIER_BINARY", str(ROOT / "build/release/vernier"))
MODEL = ROOT / "tests/golden/arch/llama"
SHARED = ROOT.parent / "shared"


def needs_shared(path):
    """Skips a test or a class of them when ../shared does not hold `path`: in the words of summarize_tests.py."""
    return unittest.skipUnless((SHARED / path).exists(), f"../shared is absent: it would hold {path}")


def tensors(path):
    """{name: (dtype, shape, bytes)} of a safetensors file."""
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    body = data[8 + size:]
    return {name: (t["dtype"], t["shape"], body[t["data_offsets"][0]:t["data_offsets"][1]])
            for name, t in header.items() if name != "__metadata__"}


def metadata(path):
    """What a safetensors file says of itself."""
    data = pathlib.Path(path).read_bytes()
    return json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]


def lines(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


# What depends on the clock and the machine in a line of metrics.jsonl.
TIMES = ("step_seconds", "tokens_per_second", "peak_rss_bytes")


def numbers(path):
    """The lines of metrics.jsonl without what depends on the clock."""
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines(path)]


def fault_trials(in_ci, for_release):
    """How many random faults to try: for tests only, as tests/support/fault_trials.h. VERNIER_FAULT_TRIALS is "release", or
    a number, which is for tests/run alone."""
    wanted = os.environ.get("VERNIER_FAULT_TRIALS", "")
    if wanted.isdigit():
        return min(int(wanted), for_release)
    return for_release if wanted == "release" else in_ci


def tell_count(what, count, detail=""):
    """The line that scripts/fault_tests.py counts trials by, as tests/support/fault_counts.h prints it."""
    print(f"[  COUNTED ] {what}: {count}{f' ({detail})' if detail else ''}", flush=True)


def wait_for(path, size=1, seconds=60):
    end = time.time() + seconds
    while not (path.exists() and path.stat().st_size >= size):
        if time.time() > end:
            raise TimeoutError(path)
        time.sleep(0.01)


class RunTest(unittest.TestCase):
    """A test with a folder, a data set of random token rows, and a config that trains on it in a second."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vernier-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.write_rows("rows.jsonl", 24)

    def write_rows(self, name, count, seed=1):
        rng = random.Random(seed)
        with open(self.dir / name, "w") as file:
            for _ in range(count):
                ids = [rng.randrange(3, 256) for _ in range(rng.randrange(4, 20))]
                file.write(json.dumps({"input_ids": ids, "labels": ids}) + "\n")
        return self.dir / name

    def settings(self, **changes):
        settings = {
            "base_model": str(MODEL), "adapter": "qlora", "datasets": [{"path": str(self.dir / "rows.jsonl"), "type": "tokenized"}],
            "lora_r": 4, "lora_alpha": 8, "micro_batch_size": 2, "gradient_accumulation_steps": 2, "max_steps": 6,
            "learning_rate": 0.01, "warmup_steps": 2, "bf16": False, "output_dir": str(self.dir / "out"), "seed": 7,
            "save_strategy": "steps", "save_steps": 2, "save_total_limit": 0,
        }
        settings.update(changes)
        return {key: value for key, value in settings.items() if value is not None}

    def config(self, name="run.yaml", **changes):
        path = self.dir / name
        path.write_text(json.dumps(self.settings(**changes), indent=1))  # JSON is YAML
        return str(path)

    def text_model(self, name="model", tokens=256, **tokenizer_config):
        """The tiny model with a tokenizer: a token a character of ASCII and one for <|im_end|>, filled up to `tokens`."""
        model = self.dir / name
        shutil.copytree(MODEL, model)
        characters = ["<unk>", "<s>", "</s>", "\u0120", "\u010a"] + [chr(code) for code in range(33, 127)]
        vocabulary = {text: i for i, text in enumerate(characters)}
        end = len(vocabulary)
        vocabulary.update({f"<unused{i}>" if i > end else "<|im_end|>": i for i in range(end, tokens)})
        added = [{"id": i, "content": text, "special": True, "normalized": False, "single_word": False, "lstrip": False,
                  "rstrip": False} for i, text in ((1, "<s>"), (2, "</s>"), (end, "<|im_end|>"))]
        (model / "tokenizer.json").write_text(json.dumps({
            "added_tokens": added, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
            "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}))
        settings = {"bos_token": "<s>", "eos_token": "</s>", **tokenizer_config}
        (model / "tokenizer_config.json").write_text(json.dumps(settings))
        return str(model)

    @contextlib.contextmanager
    def small_disk(self, options, name="disk"):
        """A tmpfs of its own mounted at self.dir/name: "size=300k", "nr_inodes=20"."""
        disk = self.dir / name
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"this machine lacks the right to mount a tmpfs: {done.stderr.strip()}")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)

    def run_vernier(self, *words, cwd=None, timeout=120, **options):
        return subprocess.run([VERNIER, *map(str, words)], cwd=cwd or self.dir, timeout=timeout, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, **options)

    def good(self, *words, **options):
        done = self.run_vernier(*words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def fails(self, code, *words, says=(), **options):
        """The command ends with `code` and one message that holds every text of `says`."""
        done = self.run_vernier(*words, **options)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        for text in says:
            self.assertIn(text, done.stderr)
        self.assertNotIn("internal error", done.stderr)
        return done

    def weights(self, directory="out"):
        return (self.dir / directory / "adapter_model.safetensors").read_bytes()

    def state(self, checkpoint):
        return json.loads((self.dir / checkpoint / "trainer_state.json").read_text())

    def checkpoints(self, directory="out"):
        return sorted(int(path.name.split("-")[1]) for path in (self.dir / directory).glob("checkpoint-*"))

    def same_run(self, directory, other, last):
        """Two finished runs of `last` steps are equal: adapter, optimizer and numbers, bit for bit."""
        for name in ("adapter_model.safetensors", f"checkpoint-{last}/adapter_model.safetensors",
                     f"checkpoint-{last}/optimizer.safetensors"):
            self.assertEqual((self.dir / directory / name).read_bytes(), (self.dir / other / name).read_bytes(), name)
        self.assertEqual(numbers(self.dir / directory / "metrics.jsonl"), numbers(self.dir / other / "metrics.jsonl"))

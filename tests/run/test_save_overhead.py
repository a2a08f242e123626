"""What a save every 15 seconds costs: its seconds as a share of the 15, at most 3.5 %.

A run saves some times as `saving took` (--log-level debug) tells; the median counts, so that one slow flush of a busy
disk does not. A disk that cannot even take the same bytes in that time is no matter of the program: then the test is
skipped.
"""
import json
import os
import re
import shutil
import statistics
import struct
import time
import unittest

from fault_support import FaultTest
from support import MODEL, ROOT, fault_trials, tell_count

EVERY, MOST = 15, 0.035
SMOLLM2 = ROOT / "models/SmolLM2-135M-Instruct.Q4_1.gguf"


class SaveOverhead(FaultTest):
    def wide_model(self, layers=8):
        """Layers of SmolLM2's width with random weights, in bf16: at rank 64 as many trained parameters as 30 at rank 16."""
        model = self.dir / "wide"
        model.mkdir()
        config = json.loads((MODEL / "config.json").read_text())
        config.update(hidden_size=576, intermediate_size=1536, num_hidden_layers=layers, num_attention_heads=9, head_dim=64,
                      num_key_value_heads=3, vocab_size=256, tie_word_embeddings=True)
        (model / "config.json").write_text(json.dumps(config))
        shapes = {"model.embed_tokens.weight": [256, 576], "model.norm.weight": [576]}
        linears = {"self_attn.q_proj": [576, 576], "self_attn.k_proj": [192, 576], "self_attn.v_proj": [192, 576],
                   "self_attn.o_proj": [576, 576], "mlp.gate_proj": [1536, 576], "mlp.up_proj": [1536, 576], "mlp.down_proj": [576, 1536]}
        for layer in range(layers):
            names = {**linears, "input_layernorm": [576], "post_attention_layernorm": [576]}
            shapes.update({f"model.layers.{layer}.{name}.weight": shape for name, shape in names.items()})
        # The high byte of a bf16 is sign and exponent: values of 0.008 to 0.03 and their negatives.
        small = bytes.maketrans(bytes(range(256)), bytes(0x3C if byte % 2 else 0xBC for byte in range(256)))
        header, values = {}, bytearray()
        for name, shape in shapes.items():
            count = shape[0] * (shape[1] if len(shape) == 2 else 1)
            noise = bytearray(os.urandom(2 * count))
            noise[1::2] = bytes(noise[1::2]).translate(small) if len(shape) == 2 else b"\x3f" * count
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(values), len(values) + len(noise)]}
            values += noise
        text = json.dumps(header).encode()
        (model / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + values)
        return model

    def raw_seconds(self, count):
        """What the disk needs to take as many bytes in one file."""
        data = os.urandom(count)
        start = time.monotonic()
        with open(self.dir / "raw", "wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        return time.monotonic() - start

    def measure(self, saves, **changes):
        """(median seconds of a save, median seconds of the raw write, bytes of a checkpoint)."""
        settings = dict(threads=None, max_steps=saves, save_steps=1, save_total_limit=2, gradient_accumulation_steps=1)
        path = self.config("overhead.yaml", **{**settings, **changes})
        out = self.dir / "out"
        shutil.rmtree(out, ignore_errors=True)
        text = self.good("train", path, f"output_dir={out}", "--log-level", "debug", timeout=600).stderr
        took = [float(seconds) for seconds in re.findall(r"saving took ([\d.]+) s", text)]
        self.assertEqual(len(took), saves, text)
        size = sum(file.stat().st_size for file in (out / f"checkpoint-{saves}").iterdir())
        return statistics.median(took), statistics.median(self.raw_seconds(size) for _ in range(3)), size

    def shares(self, what, **changes):
        told = []
        for _ in range(fault_trials(1, 3)):
            seconds, raw, size = self.measure(5, **changes)
            if seconds / EVERY > MOST and raw / EVERY > MOST:
                self.skipTest(f"this machine lacks a disk that takes {size >> 20} MiB in {EVERY * MOST:.2f} s: it took {raw:.2f} s")
            self.assertLessEqual(seconds / EVERY, MOST, f"a save took {seconds} s, the bare bytes {raw:.2f} s")
            told.append(f"{100 * seconds / EVERY:.2f} %")
        tell_count(f"measured, {what}", len(told), f"a save of {size / 2 ** 20:.0f} MiB every {EVERY} s takes {', '.join(told)}")

    def test_as_many_parameters_as_smollm2(self):
        self.shares("layers of SmolLM2's width", base_model=str(self.wide_model()), lora_r=64, lora_alpha=64)

    def test_smollm2(self):
        if not SMOLLM2.exists():
            self.skipTest("this machine lacks models/SmolLM2-135M-Instruct.Q4_1.gguf (scripts/fetch_smollm2.sh)")
        self.shares("SmolLM2-135M at rank 16", base_model=str(SMOLLM2), lora_r=16, lora_alpha=16, bf16="auto")


if __name__ == "__main__":
    unittest.main()

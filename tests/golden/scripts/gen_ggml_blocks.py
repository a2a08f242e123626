"""Writes tests/golden/ggml_blocks.json: blocks of every ggml type that is read, and their f32 values by gguf 0.19.0.

usage: gen_ggml_blocks.py OUT.json      (pip install gguf==0.19.0 numpy)

Scales and minima are finite f16 numbers of both signs, with zero, a denormal and the largest among them. Blocks are
hexadecimal bytes, values hexadecimal f32 bits (little-endian, 8 digits each).
"""
import json
import sys

import numpy as np
from gguf import GGMLQuantizationType, dequantize

BLOCKS = 6
HALVES = {"Q8_0": 1, "Q4_0": 1, "Q4_1": 2, "Q5_0": 1, "Q5_1": 2}
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "Q8_0": 34, "Q4_0": 18, "Q4_1": 20, "Q5_0": 22, "Q5_1": 24}


def main(path):
    rng = np.random.default_rng(20240607)
    golden = {}
    for name, size in SIZES.items():
        if name in HALVES:
            blocks = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
            halves = rng.normal(0, 0.05, (BLOCKS, HALVES[name])).astype(np.float16)
            halves[0, 0], halves[1, 0], halves[2, -1] = 0.0, 6e-8, -65504.0
            blocks[:, : 2 * HALVES[name]] = halves.view(np.uint8)
        else:
            values = np.concatenate([rng.normal(0, 3, 9), [0.0, -0.0, 6e-8]]).astype(np.float32)
            if name == "F16":
                blocks = values.astype(np.float16).view(np.uint8)[None]
            else:
                bits = values.view(np.uint32)
                blocks = (bits if name == "F32" else (bits >> 16).astype(np.uint16)).view(np.uint8)[None]
        data = dequantize(blocks, GGMLQuantizationType[name])
        golden[name] = {
            "type": int(GGMLQuantizationType[name]),
            "blocks": blocks.tobytes().hex(),
            "values": np.ascontiguousarray(data, dtype=np.float32).tobytes().hex(),
        }
    with open(path, "w") as out:
        json.dump(golden, out, indent=1)
        out.write("\n")


main(sys.argv[1])

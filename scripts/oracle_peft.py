#!/usr/bin/env python3
"""PEFT and transformers against Vernier's own logits, on one base and adapter.

usage: oracle_peft.py --vernier BINARY --base DIR --adapter DIR --ids F.jsonl [--merged DIR]

Loads the adapter with PEFT on the unquantized base in f32 and compares its logits with `vernier logits --load-in-4bit false`;
with --merged loads that directory with transformers in f32 and compares with Vernier's logits of the same directory.
Needs torch, transformers, peft and safetensors; not part of the build or the tests.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def vernier_logits(arguments, *words):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "logits.safetensors"
        subprocess.run([arguments.vernier, "-q", "logits", "--ids", arguments.ids, "--out", out, "--bf16", "false", *words], check=True)
        return load_file(out)


def worst(model, rows, ours):
    with torch.no_grad():
        return max((model(torch.tensor([ids])).logits[0].float() - ours[f"logits.{i}"]).abs().max().item()
                   for i, ids in enumerate(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for flag in ("--vernier", "--base", "--adapter", "--ids"):
        parser.add_argument(flag, required=True)
    parser.add_argument("--merged")
    arguments = parser.parse_args()
    rows = [json.loads(line)["input_ids"] for line in open(arguments.ids)]
    base = AutoModelForCausalLM.from_pretrained(arguments.base, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, arguments.adapter).eval()
    ours = vernier_logits(arguments, "--base", arguments.base, "--adapter", arguments.adapter, "--load-in-4bit", "false")
    print(f"adapter on the unquantized base, f32: largest difference to PEFT {worst(model, rows, ours):.2e}")
    if arguments.merged:
        merged = AutoModelForCausalLM.from_pretrained(arguments.merged, dtype=torch.float32).eval()
        ours = vernier_logits(arguments, "--base", arguments.merged)
        print(f"merged model, f32: largest difference to transformers {worst(merged, rows, ours):.2e}")


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    main()

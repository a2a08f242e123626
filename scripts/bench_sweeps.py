#!/usr/bin/env python3
"""How the cost of a step grows: with sequence length, batch, rank, targets, and shapes that are no multiples of 64.

usage: bench_sweeps.py [--vernier BINARY] [--steps 3] [--only WORD] [--set KEY=VALUE ...]
Runs `vernier bench` on models of random weights that it makes in a temporary folder, and prints a row for each case:
tokens a second, share of the peak loop by what the model asks for, and that share beside its sweep's first case. Cost
that grows as the operations do leaves the last column at 1.
"""

import argparse
import json
import pathlib
import random
import struct
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SMOL = {"hidden": 576, "ffn": 1536, "heads": 9, "kv": 3, "head_dim": 64, "layers": 30, "vocab": 49152}
SMALL = SMOL | {"layers": 6, "vocab": 8192}
ODD = {"hidden": 583, "ffn": 1541, "heads": 9, "kv": 3, "head_dim": 66, "layers": 6, "vocab": 8201}
NO_TARGET = -100


def tensor_shapes(shape):
    """Hugging Face's names of a Llama with a tied head."""
    hidden, q, kv = shape["hidden"], shape["heads"] * shape["head_dim"], shape["kv"] * shape["head_dim"]
    yield "model.embed_tokens.weight", (shape["vocab"], hidden)
    for layer in range(shape["layers"]):
        at = f"model.layers.{layer}."
        for name, size in (("self_attn.q_proj", (q, hidden)), ("self_attn.k_proj", (kv, hidden)),
                           ("self_attn.v_proj", (kv, hidden)), ("self_attn.o_proj", (hidden, q)),
                           ("mlp.gate_proj", (shape["ffn"], hidden)), ("mlp.up_proj", (shape["ffn"], hidden)),
                           ("mlp.down_proj", (hidden, shape["ffn"]))):
            yield f"{at}{name}.weight", size
        yield f"{at}input_layernorm.weight", (hidden,)
        yield f"{at}post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)


def random_bf16(rng, count):
    """Of either sign, 2^-6 to 2^-5: the exponent is fixed, sign and fraction are random bits."""
    bits = int.from_bytes(rng.randbytes(2 * count), "little")
    ones = int.from_bytes(b"\x7f\x80" * count, "little"), int.from_bytes(b"\x80\x3c" * count, "little")
    return (bits & ones[0] | ones[1]).to_bytes(2 * count, "little")


def write_model(folder, shape):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": shape["hidden"],
        "intermediate_size": shape["ffn"], "num_hidden_layers": shape["layers"], "vocab_size": shape["vocab"],
        "num_attention_heads": shape["heads"], "num_key_value_heads": shape["kv"], "head_dim": shape["head_dim"],
        "max_position_embeddings": 8192, "rope_theta": 100000.0, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
        "hidden_act": "silu", "torch_dtype": "bfloat16"}))
    header, at = {}, 0
    for name, size in tensor_shapes(shape):
        count = size[0] * (size[1] if len(size) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": list(size), "data_offsets": [at, at + 2 * count]}
        at += 2 * count
    text = json.dumps(header).encode()
    rng = random.Random(0)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in header.values():
            count = (tensor["data_offsets"][1] - tensor["data_offsets"][0]) // 2
            file.write(b"\x80\x3f" * count if len(tensor["shape"]) == 1 else random_bf16(rng, count))
    return folder


def write_rows(path, vocab, sequence, count, targets):
    """Random ids; the last `targets` (a share) of each row are targets."""
    rng = random.Random(1)
    with open(path, "w") as file:
        for _ in range(count):
            ids = [rng.randrange(5, vocab) for _ in range(sequence)]
            first = round(sequence * (1 - targets))
            file.write(json.dumps({"input_ids": ids, "labels": [NO_TARGET] * first + ids[first:]}) + "\n")


def cases():
    """(sweep, case, model, what differs); a sweep's first case is what the others are compared with."""
    for sequence in (512, 128, 256, 1024, 2048, 4096, 8192):
        yield "sequence", sequence, SMOL, {"sequence": sequence}
    for batch in (1, 2, 4, 8, 16):
        yield "batch", batch, SMOL, {"batch": batch}
    for rank in (16, 4, 8, 64, 128, 256):
        yield "rank", rank, SMOL, {"rank": rank}
    for targets in (1, 0.5, 0.1, 0.01):
        yield "share of targets", targets, SMOL, {"targets": targets}
    for sequence in (512, 509, 515):
        yield "odd sequence", sequence, SMOL, {"sequence": sequence}
    for rank in (16, 13, 17):
        yield "odd rank", rank, SMOL, {"rank": rank}
    yield "odd model", "576, 1536, 64, 8192", SMALL, {}
    yield "odd model", "583, 1541, 66, 8201", ODD, {}


def measure(arguments, folder, model, shape, sequence=512, batch=1, rank=16, targets=1.0):
    rows = folder / "rows.jsonl"
    write_rows(rows, shape["vocab"], sequence, batch, targets)
    config = folder / "run.yaml"
    config.write_text(json.dumps({  # JSON is YAML
        "base_model": str(model), "adapter": "qlora", "load_in_4bit": True, "lora_r": rank, "lora_alpha": rank,
        "datasets": [{"path": str(rows), "type": "tokenized"}], "sequence_len": sequence, "micro_batch_size": batch,
        "gradient_accumulation_steps": 1, "max_steps": arguments.steps + 1, "gradient_checkpointing": True,
        "output_dir": str(folder / "out")}))
    command = [arguments.vernier, "bench", str(config), "--quiet", "--json", "--steps", str(arguments.steps)]
    return json.loads(subprocess.run(command + arguments.set, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vernier", default=str(ROOT / "build/release/vernier"))
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--only", help="the sweep whose name begins so")
    parser.add_argument("--set", nargs="*", default=[], help="keys of the config")
    arguments = parser.parse_args()
    print("| sweep | case | tokens/s | share of peak | beside the first |\n| --- | --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="vernier-sweeps-") as name:
        folder, models, first = pathlib.Path(name), {}, {}
        for sweep, case, shape, changes in cases():
            if arguments.only and not sweep.startswith(arguments.only):
                continue
            key = tuple(shape.values())
            if key not in models:
                models[key] = write_model(folder / f"model{len(models)}", shape)
            result = measure(arguments, folder, models[key], shape, **changes)
            share = result["flops"]["share_of_peak"]
            print(f"| {sweep} | {case} | {result['tokens_per_second']:.0f} | {100 * share:.1f} % | "
                  f"{share / first.setdefault(sweep, share):.2f} |", flush=True)


if __name__ == "__main__":
    main()

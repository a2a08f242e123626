"""Goldens of the 8-bit and 32-bit optimizers of bitsandbytes, and of torch's SGD.   usage: gen_optim_8bit.py OUT_DIR

Needs bitsandbytes 0.50.2 (CPU build) and torch. Writes optimizers.safetensors:

    <w>.init, <w>.grads [steps, ...]     one run's inputs: big (5000 elements: 19 blocks of 256 and a tail of 136; gradients
                                         uneven within a block, exact zeros, 1e4 and 1e-20 among them, one block all zero),
                                         edge (4096, the least that is kept in 8 bits) and small (300: f32 states)
    <rule>/wd<wd>/<w>.<what>             after the last of the steps: param; and of what 8 bits hold exp_avg (u8),
                                         exp_avg_absmax, exp_avg_sq, exp_avg_sq_absmax; else exp_avg, exp_avg_sq f32
    qmap_signed, qmap_unsigned           create_dynamic_map of bitsandbytes

Rules: adamw_8bit, lion_8bit: the arithmetic is bitsandbytes' own (its "default" backend, run uncompiled: the CPU backend
fuses some roundings) but for the square root, which is the nearest (torch's vectorized one is not always). Codes by the
CUDA rule of cuda_rule.py: the nearest, and state 1 keeps its sign. Where a block's absmax is below 2^-128, so that its
reciprocal overflows, values are divided instead. sgd: torch.optim.SGD.
"""
import os
import sys
os.environ["TORCHDYNAMO_DISABLE"] = "1"
import numpy as np
import torch
import bitsandbytes
from bitsandbytes.backends.default import ops
from safetensors.torch import save_file
import cuda_rule as R

assert bitsandbytes.__version__ == "0.50.2", bitsandbytes.__version__
F = np.float32
RATE, BETA1, BETA2, EPSILON, STEPS = 1e-2, 0.9, 0.999, 1e-8, 4
SIGNED = bitsandbytes.functional.create_dynamic_map(True).float()
UNSIGNED = bitsandbytes.functional.create_dynamic_map(False).float()
torch.sqrt = lambda x: torch.from_numpy(np.sqrt(x.numpy()))
g = torch.Generator().manual_seed(11)


def inputs():
    values = {"big": torch.randn(5000, generator=g) * 0.1, "edge": torch.randn(64, 64, generator=g) * 0.1,
              "small": torch.randn(300, generator=g) * 0.1}
    grads = {k: torch.randn(STEPS, *v.shape, generator=g) * 0.01 for k, v in values.items()}
    grads["big"] *= torch.exp(2 * torch.randn(1, 5000, generator=g))
    grads["big"][:, :5] = 0
    grads["big"][:, 300] = 1e4
    grads["big"][:, 512:768] = 0
    grads["big"][:, 1024:1280] *= 1e-20
    grads["small"][:, :4] = 0
    grads["small"][:, 4] *= 1e12
    return values, grads


def quantize(x, table, keep_sign):
    flat = x.numpy().reshape(-1)
    blocks = R._blocks(flat, 256)
    absmax = np.abs(blocks).max(axis=1).astype(F)
    with np.errstate(all="ignore"):
        reciprocal = F(1) / absmax
        scaled = np.where(np.isinf(reciprocal)[:, None], blocks / absmax[:, None], blocks * reciprocal[:, None])
    codes = R.nearest_code(scaled.astype(F), table).reshape(-1)[: flat.size].astype(np.int64)
    if keep_sign:
        differs = np.signbit(table[codes]) != np.signbit(flat)
        codes = np.clip(np.where(differs, np.where(flat > 0, codes + 1, codes - 1), codes), 0, 255)
    return torch.from_numpy(codes.astype(np.uint8)).view(x.shape), torch.from_numpy(absmax)


def dequantize(codes, absmax, table):
    return torch.ops.bitsandbytes.dequantize_blockwise.default(codes, absmax, table, 256, torch.float32)


def run(kind, wd, value, grads):
    """-> the final parameter and state of one tensor."""
    p, moments = value.clone(), 2 if kind == "adam" else 1
    tables = [SIGNED, UNSIGNED][:moments]
    coded = p.numel() >= 4096
    state = [(torch.zeros(p.shape, dtype=torch.uint8), torch.zeros(-(-p.numel() // 256))) if coded
             else torch.zeros_like(p) for _ in tables]
    for step in range(1, STEPS + 1):
        f32 = [dequantize(*s, t) for s, t in zip(state, tables)] if coded else state
        ops._optimizer_update_32bit(grads[step - 1].clone(), p, f32[0], f32[1] if moments == 2 else None, None, 0.0, 0.0,
                                    BETA1, BETA2, 0.0, 0.0, EPSILON, wd, step, RATE, 1.0, ops.name2optimizer_id[kind])
        if coded:
            state = [quantize(x, t.numpy(), t is SIGNED) for x, t in zip(f32, tables)]
    out = {"param": p}
    for name, s in zip(("exp_avg", "exp_avg_sq"), state):
        out.update({name: s[0], name + "_absmax": s[1]} if coded else {name: s})
    return out


def sgd(wd, value, grads):
    p = torch.nn.Parameter(value.clone())
    optimizer = torch.optim.SGD([p], lr=RATE, weight_decay=wd)
    for grad in grads:
        p.grad = grad.clone()
        optimizer.step()
    return {"param": p.detach()}


def main():
    values, grads = inputs()
    out = {"qmap_signed": SIGNED, "qmap_unsigned": UNSIGNED}
    for w in values:
        out[w + ".init"], out[w + ".grads"] = values[w], grads[w]
    for wd in (0.0, 0.1):
        for w in values:
            runs = {"adamw_8bit": run("adam", wd, values[w], grads[w]), "lion_8bit": run("lion", wd, values[w], grads[w]),
                    "sgd": sgd(wd, values[w], grads[w])}
            for rule, result in runs.items():
                out.update({f"{rule}/wd{wd:g}/{w}.{what}": x for what, x in result.items()})
    # An element that never had a gradient stays in place.
    assert torch.equal(out["adamw_8bit/wd0/big.param"][512:768], values["big"][512:768])
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(sys.argv[1], "optimizers.safetensors"))


main()

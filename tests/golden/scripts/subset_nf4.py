"""Cuts what the tests read out of gen_nf4.py's nf4.safetensors.  usage: subset_nf4.py FULL.safetensors OUT.safetensors

Keeps, of every tensor, the input, the CUDA rule's codes and absmax, and the exact double quantization; and of the
small ones also the decoded weights. Leaves FP4, the plain 8-bit data and bitsandbytes' CPU codes out.
"""
import json
import struct
import sys

SMALL = ("odd_", "tail_", "zero_block_", "all_zero_", "outlier_", "rand_bf16_10x352")
KEPT = (".input", ".nf4.cuda.packed", ".nf4.cuda.absmax", ".nf4.bnbcpu.absmax", ".nf4.dq.offset",
        ".nf4.dq.exact.absmax_u8", ".nf4.dq.exact.nested_absmax", ".nf4.dq.exact.absmax_restored")
KEPT_SMALL = (".nf4.bnbcpu.packed", ".nf4.bnbcpu.deq_f32", ".nf4.bnbcpu.deq_bf16", ".nf4.dq.exact.deq_bf16")


def kept(name):
    if name in ("nf4_map", "dynamic_map_signed"):
        return True
    if name.startswith("q8_"):
        return False
    return name.endswith(KEPT) or (name.startswith(SMALL) and name.endswith(KEPT_SMALL))


def main():
    full, out = sys.argv[1:]
    with open(full, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
        data = f.read()
    header.pop("__metadata__", None)
    body, entries = b"", {}
    for name in sorted(filter(kept, header), key=lambda n: header[n]["data_offsets"]):
        begin, end = header[name]["data_offsets"]
        entries[name] = dict(header[name], data_offsets=[len(body), len(body) + end - begin])
        body += data[begin:end]
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(out, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)


if __name__ == "__main__":
    main()

"""The data of the tiny training curve: random tokens with enough structure that a loss can fall.

usage: make_tiny_curve.py OUT_DIR [--seed N]

OUT_DIR/data.safetensors: input_ids and labels, i32 [30 steps, 2 micro batches, 4 rows, 32 tokens]; -100 is no target.
A row repeats one of 6 fixed patterns of 5 to 9 tokens from a random phase behind a BOS (1), one token in ten replaced
by noise. Labels are masked unevenly, so that micro batches of one step have very different numbers of targets:
a masked head (a prompt), a masked tail that is sometimes padding (0), holes, rows that are all label (position 0 too,
which is never a target), rows with a single target, and one row with none.
"""
import argparse, os
import numpy as np
from safetensors.numpy import save_file

STEPS, ACCUMULATION, MICRO, TOKENS, VOCABULARY = 30, 2, 4, 32, 256


def make_row(random, patterns):
    pattern = patterns[random.integers(len(patterns))]
    row = np.resize(np.roll(pattern, -int(random.integers(len(pattern)))), TOKENS).astype(np.int32)
    noisy = random.random(TOKENS) < 0.1
    row[noisy] = random.integers(3, VOCABULARY, noisy.sum())
    row[0] = 1
    return row


def mask_row(random, index, row):
    begin, end = int(random.integers(0, TOKENS * 3 // 4)), TOKENS - int(random.integers(0, TOKENS // 4))
    if index % 16 == 0:
        begin, end = 0, TOKENS
    if index % 29 == 5:
        end = begin + 1
    if index == 50:
        begin = end = 0
    labels = np.full(TOKENS, -100, np.int32)
    labels[begin:end] = row[begin:end]
    if index % 7 == 3:
        hole = (begin + end) // 2
        labels[hole:hole + 4] = -100
    if index % 3 == 0 and end > 0:
        row[end:] = 0
    return labels


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("out")
    arguments.add_argument("--seed", type=int, default=7)
    options = arguments.parse_args()
    random = np.random.default_rng(options.seed)
    patterns = [random.integers(3, VOCABULARY, random.integers(5, 10)) for _ in range(6)]
    rows = [make_row(random, patterns) for _ in range(STEPS * ACCUMULATION * MICRO)]
    labels = [mask_row(random, index, row) for index, row in enumerate(rows)]
    shape = (STEPS, ACCUMULATION, MICRO, TOKENS)
    data = {"input_ids": np.stack(rows).reshape(shape), "labels": np.stack(labels).reshape(shape)}
    save_file(data, os.path.join(options.out, "data.safetensors"))
    print("targets per micro batch", (data["labels"][..., 1:] != -100).sum(axis=(2, 3)).tolist())


main()

#!/usr/bin/env python3
"""Writes tests/golden/tokenization/tiny.json: small BPE tokenizers, one a feature, and what Hugging Face's tokenizers
makes of a few texts with them.

usage: make_tokenization.py OUT.json [NAME=TOKENIZER.json ...]        (needs: pip install tokenizers==0.23.3)

The committed file has one real tokenizer more: stories260K=../shared/models/stories260K/hf/tokenizer.json.

  texts       the texts
  tokenizers  [{"name", "json": the tokenizer.json, "ids": per text, "decoded": per text, "skipped": per text}]

ids are without the post-processor's tokens, `decoded` keeps special tokens and `skipped` leaves them out.
"""

import json
import os
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = ["The quick brown fox jumps over the lazy dog.", "the theme of these three thrones is their thinness",
          "a banana, an ananas and a bandana", "0 1 2 10 100 2024 3.14159", "def f(x):\n    return x**2\n",
          "it's they're we've I'm he'll she'd", "Grüße aus Köln, é à ñ", "\t\tif (a == b) {\r\n  c += 1;\r\n}\n",
          "hello hello hello world world", "<tag> [x] {y}"] * 3

TEXTS = ["", " ", "  ", "the", " the", "the  three   thrones", "hello world", "Hello, World! 12345 x", "banana bandana\n",
         "it's THEY'RE we'\u017f 'sx ''s '", "\n\n a \r\n\r\n b\t\t c  ", "x\u00a0y\u3000z\u180e \u2003w",
         "e\u0301 \u212b \ufb01 \u1e9b\u0323 \U0001d15e", "\u0661\u0662\u0663 \u00bd \u00b2 \u2177 1234567",
         "\U0001f600\u6f22\u5b57\u304b\U00020000", "a<s>b</s> c", "<s>", "  <s>  </s>  ", "<s><s></s>the",
         "<word>x <word> y<word>, \u00e9<word>", " <left> <right> the <both> ", "<norm> <norm>x \u2581the \u2581",
         "<0x41><0x0A> <unk>", "\u0000\u0007\u007f", "tail \u2581", "th" * 40 + "e" * 50, "\u0378\U0001e030\u1c89",
         "<long><long>er<longest>", "a\u0300\u0316<norm>"]

GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
OTHER = r"[a-z]{1,4}|\p{Lu}+[\s,]|(?<=\p{N})\p{N}(?=\p{N})|\S+?(?=\s)|\s"


def token(content, **flags):
    return AddedToken(content, **{"normalized": False, **flags})


def added():
    return [token("<word>", single_word=True), token("<left>", lstrip=True), token("<right>", rstrip=True),
            token("<both>", lstrip=True, rstrip=True, special=True), token("<norm>", normalized=True), token("<long>"),
            token("<longest>", special=True)]


def trained(pre_tokenizer, normalizer=None, alphabet=(), size=330, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    special = [token("<unk>", special=True), token("<s>", special=True), token("</s>", special=True)]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=list(alphabet),
                                  show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_level(pre_tokenizer, normalizer=None, **options):
    tokenizer = trained(pre_tokenizer, normalizer, pre_tokenizers.ByteLevel.alphabet(), 380)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(added())
    return edited(tokenizer, **options)


def split(regex):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def edited(tokenizer, string_merges=False, **model):
    document = json.loads(tokenizer.to_str())
    document["model"].update(model)
    if string_merges:
        document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    return document


def with_bytes(document, count=256):
    """Byte tokens <0x00>.. behind the special tokens, as SentencePiece has them."""
    old = sorted(document["model"]["vocab"].items(), key=lambda item: item[1])
    names = [name for name, _ in old[:3]] + [f"<0x{i:02X}>" for i in range(count)] + [name for name, _ in old[3:]]
    document["model"]["vocab"] = {name: i for i, name in enumerate(names)}
    document["added_tokens"] = document["added_tokens"][:3]
    return document


def llama2(count=256, **model):
    mark = "\u2581"
    normalizer = normalizers.Sequence([normalizers.Prepend(mark), normalizers.Replace(" ", mark)])
    tokenizer = trained(pre_tokenizers.Split(" ", "isolated"), None, [mark])
    document = with_bytes(edited(tokenizer, byte_fallback=True, unk_token="<unk>", **model), count)
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = None
    tokenizer.decoder = decoders.Sequence([decoders.Replace(mark, " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.add_tokens(added())
    return json.loads(tokenizer.to_str())


def metaspace(scheme, cut, **model):
    part = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=cut)
    tokenizer = trained(part)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme, split=cut)
    tokenizer.add_tokens(added())
    return edited(tokenizer, unk_token="<unk>", **model)


def documents():
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2])
    runs = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False),
                                    pre_tokenizers.ByteLevel(add_prefix_space=True)])
    yield "smollm", byte_level(digits)
    yield "gpt2_string_merges", byte_level(GPT2, string_merges=True)
    yield "digit_runs_prefix_space", byte_level(runs)
    yield "llama3", byte_level(split(LLAMA3), ignore_merges=True, string_merges=True)
    yield "qwen2", byte_level(split(QWEN2), normalizers.NFC())
    yield "other_regex", byte_level(split(OTHER))
    yield "llama2", llama2(fuse_unk=True)
    yield "llama2_few_bytes", llama2(count=0xC0, fuse_unk=False)
    yield "llama2_few_bytes_fused", llama2(count=0xC0, fuse_unk=True)
    yield "metaspace_first", metaspace("first", False, fuse_unk=True)
    yield "metaspace_always_cut", metaspace("always", True)
    yield "metaspace_never", metaspace("never", True, fuse_unk=True)
    plain = trained(pre_tokenizers.Split("an", "isolated"))
    plain.add_tokens(added())
    yield "no_decoder_no_unk", edited(plain)


def main():
    out = sys.argv[1]
    lines = []
    chosen = list(documents())
    for argument in sys.argv[2:]:
        name, path = argument.split("=", 1)
        with open(path, encoding="utf-8") as file:
            chosen.append((name, json.load(file)))
    for name, document in chosen:
        tokenizer = Tokenizer.from_str(json.dumps(document))
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
        entry = {"name": name, "json": document, "ids": ids,
                 "decoded": [tokenizer.decode(one, skip_special_tokens=False) for one in ids],
                 "skipped": [tokenizer.decode(one, skip_special_tokens=True) for one in ids]}
        lines.append(json.dumps(entry, separators=(",", ":"), ensure_ascii=True))
    with open(out, "w", encoding="ascii") as file:
        file.write('{"texts":' + json.dumps(TEXTS) + ',\n"tokenizers":[\n' + ",\n".join(lines) + "\n]}\n")
    print(out, os.path.getsize(out), "bytes,", len(lines), "tokenizers")


if __name__ == "__main__":
    main()

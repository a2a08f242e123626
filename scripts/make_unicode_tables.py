#!/usr/bin/env python3
"""Writes trainer/data/unicode_tables.cpp: the character classes of Hugging Face's `tokenizers`, asked code point by
code point.

usage: make_unicode_tables.py [OUT.cpp]        (needs: pip install tokenizers==0.23.3; then clang-format -i OUT.cpp)

Three engines answer inside that library and none has the tables of ICU or PCRE2: Oniguruma splits by regex (L, N and
white space), Rust's char::is_numeric serves Digits, and Rust's regex crate decides what is a word character beside a
`single_word` added token. Rust's white space (lstrip and rstrip) must equal Oniguruma's, which is checked here.
"""

import os
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models
from tokenizers.pre_tokenizers import Digits, Split

TOKEN = "\ue000"  # a private-use character: neither a word character nor white space
CHUNK = 4096
POINTS = [p for p in range(0x110000) if not 0xD800 <= p <= 0xDFFF]
CHUNKS = [POINTS[i : i + CHUNK] for i in range(0, len(POINTS), CHUNK)]


def kept_by(pre_tokenizer):
    """The code points that a pre-tokenizer removing everything else keeps."""
    kept = set()
    for chunk in CHUNKS:
        text = "".join(map(chr, chunk))
        for _, (start, end) in pre_tokenizer.pre_tokenize_str(text):
            kept.update(chunk[start:end])
    return kept


def regex_class(pattern):
    return kept_by(Split(Regex(pattern), behavior="removed", invert=True))


def digits():
    found = set()
    splitter = Digits(individual_digits=True)
    for chunk in CHUNKS:
        # A letter on both sides keeps every non-digit inside a longer piece.
        text = "".join("a" + chr(p) + "a" for p in chunk)
        for _, (start, end) in splitter.pre_tokenize_str(text):
            if end - start == 1 and start % 3 == 1:
                found.add(chunk[start // 3])
    return found


def added_token_spans(chunk, text, **flags):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.add_tokens([AddedToken(TOKEN, normalized=False, **flags)])
    return tokenizer.encode(text).offsets


def word_characters():
    words = set()
    for chunk in CHUNKS:
        chunk = [p for p in chunk if chr(p) != TOKEN]
        text = "".join(chr(p) + TOKEN + " " for p in chunk)
        alone = {start // 3 for start, _ in added_token_spans(chunk, text, single_word=True)}
        words.update(p for i, p in enumerate(chunk) if i not in alone)
    return words


def stripped_space():
    spaces = set()
    for chunk in CHUNKS:
        chunk = [p for p in chunk if chr(p) != TOKEN]
        text = "".join(TOKEN + chr(p) + "x" for p in chunk)
        spaces.update(chunk[start // 3] for start, end in added_token_spans(chunk, text, rstrip=True) if end - start == 2)
    return spaces


def ranges(points):
    out = []
    for point in sorted(points):
        if out and out[-1][1] == point - 1:
            out[-1][1] = point
        else:
            out.append([point, point])
    # The surrogates are no characters: a range may run across them.
    merged = []
    for first, last in out:
        if merged and merged[-1][1] == 0xD7FF and first == 0xE000:
            merged[-1][1] = last
        else:
            merged.append([first, last])
    return merged


def emit(name, points):
    numbers = [f"0x{n:X}" for pair in ranges(points) for n in pair]
    lines, line = [], "   "
    for number in numbers:
        if len(line) + len(number) + 2 > 118:
            lines.append(line)
            line = "   "
        line += f" {number},"
    lines.append(line)
    body = "\n".join(lines)
    return f"const std::uint32_t {name}Ranges[] = {{\n{body}\n}};\n"


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(__file__), "..", "trainer", "data", "unicode_tables.cpp")
    space = regex_class(r"\s")
    assert space == stripped_space(), "Rust and Oniguruma differ in white space"
    tables = [("kLetter", regex_class(r"\p{L}")), ("kNumber", regex_class(r"\p{N}")), ("kSpace", space),
              ("kNumeric", digits()), ("kWord", word_characters())]
    with open(out, "w", encoding="ascii") as file:
        file.write(f"// Made by scripts/make_unicode_tables.py from tokenizers {tokenizers.__version__}: first and last"
                   " code point of each range.\n\n#include \"data/unicode_tables.h\"\n\n"
                   "namespace vernier::unicode_tables {\nnamespace {\n\n")
        file.write("\n".join(emit(name, points) for name, points in tables))
        file.write("\n}  // namespace\n\n")
        for name, _ in tables:
            file.write(f"std::span<const std::uint32_t> {name[1:].lower()}() {{ return {name}Ranges; }}\n")
        file.write("\n}  // namespace vernier::unicode_tables\n")
    for name, points in tables:
        print(name, len(points), "code points in", len(ranges(points)), "ranges")


if __name__ == "__main__":
    main()

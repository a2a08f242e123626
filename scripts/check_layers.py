#!/usr/bin/env python3
"""Holds the layers of docs/design.md: which room of trainer/ includes which, and where foreign headers may appear."""

import os
import re

import tree

LOW = {"base": set(), "kernels": {"base"}, "io": {"kernels", "base"}, "cuda": {"io", "base"},
       "config": {"io", "base"}, "spec": {"config", "io", "base"}, "data": {"spec", "config", "io", "base"}}
TENSOR = {"tensor": {"spec", "kernels", "io", "base"}}
MODEL = {room: {"tensor", "spec", "config", "kernels", "io", "base"} for room in ("model", "optim")}
TOP = {room: {"model", "tensor", "data", "spec", "config", "kernels", "io", "base"}
       for room in ("train", "infer", "export")}
TOP["train"] = TOP["train"] | {"optim"}
ROOMS = {**LOW, **TENSOR, **MODEL, **TOP}
ROOMS["commands"] = set(ROOMS)
ROOMS["main.cpp"] = set(ROOMS)
TORCH_ROOMS = {room for room in ROOMS if room not in LOW}

# (first part of an include in angle brackets, files of trainer/ that may have it)
FOREIGN = (
    (r"(torch|ATen|c10|caffe2)/", rf"({'|'.join(sorted(re.escape(room) for room in TORCH_ROOMS))})(/|$)"),
    (r"yaml-cpp/", r"config/.*\.cpp$"),
    (r"(sentencepiece\w*\.h|unicode/|pcre2\.h|simdjson\.h)", r"data/.*\.cpp$"),
    (r"spdlog/", r"base/log\.cpp$"),
    (r"nlohmann/", r"io/(json\.h|[^/]*\.cpp)$"),
    (r"CLI/", r"(commands/|main\.cpp$)"),
    (r"(openssl/|xxhash\.h)", r"base/.*\.cpp$"),
    (r"(\w*intrin\.h)", r"kernels/"),
    (r"(cuda|cublas|cudnn|nccl)\w*(\.h|/)", r"(cuda/|kernels/cuda|tensor/)"),
    (r"mpi\.h", r"train/"),
)
# Each costs every file that includes it 8 to 15 seconds; headers name tensors through <ATen/core/Tensor.h>.
NEVER = re.compile(r"torch/(torch|all|extension|types)\.h$")
NOT_IN_HEADERS = re.compile(r"(torch/|ATen/(ATen|Functions|NativeFunctions)\.h$)")
STANDARD = re.compile(
    r"([a-z_0-9]+|(sys|linux|arpa|netinet)/\w+\.h"
    r"|(cpuid|dirent|dlfcn|errno|fcntl|getopt|glob|limits|poll|pthread|sched|signal|stdint|stdlib|string|termios|time"
    r"|unistd)\.h)$")
# A file of one instruction set may include nothing with inline functions: the linker could keep its copy for all.
ISA_FILE = re.compile(r"kernels/.*avx\w*\.(cpp|h)$")
ISA_ALLOWED = re.compile(r"(immintrin\.h|c?stdint(\.h)?|cstddef)$")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def own_include_problem(source, room, included):
    """What is wrong with `#include "included"` in a file of `room`; "" when nothing is."""
    target = included.split("/")[0]
    if not os.path.exists(os.path.join(source, "trainer", included)):
        return "no such file in trainer/ (write the path from there)"
    if target != room and target not in ROOMS[room]:
        return f"{room} may not include {target}"
    return ""


def foreign_include_problem(path, included):
    """What is wrong with `#include <included>` in trainer/`path`; "" when nothing is."""
    if ISA_FILE.match(path) and not ISA_ALLOWED.match(included):
        return "a file of one instruction set includes only <immintrin.h>, <cstdint> and the tables"
    if NEVER.match(included):
        return "costs 8 s or more a file; include the header that is needed"
    if path.endswith(".h") and NOT_IN_HEADERS.match(included):
        return "headers name tensors through <ATen/core/Tensor.h>"
    for header, place in FOREIGN:
        if re.match(header, included):
            return "" if re.match(place, path) else f"only in files matching trainer/{place}"
    return "" if STANDARD.match(included) else "not in the tables of scripts/check_layers.py"


def file_problems(source, path):
    """Problems of trainer/`path`, each with its line."""
    room = path.split("/")[0]
    if room not in ROOMS:
        return [f"trainer/{path}:1: {room} is no room of the design"]
    problems = []
    text = tree.read(source, os.path.join("trainer", path))
    for match in INCLUDE.finditer(text):
        own, foreign = match.groups()
        problem = own_include_problem(source, room, own) if own else foreign_include_problem(path, foreign)
        if problem:
            line = text.count("\n", 0, match.start()) + 1
            problems.append(f"trainer/{path}:{line}: includes {own or foreign}: {problem}")
    return problems


def main():
    source = tree.options(__doc__).source
    paths = [os.path.relpath(path, "trainer") for path in tree.files(source, ["trainer"], (".h", ".cpp", ".cu"))]
    tree.report([problem for path in paths for problem in file_problems(source, path)], len(paths))


if __name__ == "__main__":
    main()

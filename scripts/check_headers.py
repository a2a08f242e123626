#!/usr/bin/env python3
"""Every header of trainer/ compiles alone, and twice in a row. Without LibTorch or CUDA's headers
only the rooms that do not know them."""

import concurrent.futures
import os
import subprocess

import check_layers
import tree


def compiler_flags(source, build):
    """The compiler's command for checking standard input."""
    command = [tree.cache_value(build, "CMAKE_CXX_COMPILER") or "g++", "-std=c++20", "-fsyntax-only", "-Wall",
               "-Wextra", "-Werror", "-I", os.path.join(source, "trainer")]
    torch = tree.cache_value(build, "VERNIER_LIBTORCH") or os.path.join(source, ".deps", "torch", "torch")
    foreign = [os.path.join(torch, "include"), tree.cache_value(build, "VERNIER_CUDA_INCLUDE")]
    return [*command, *(word for folder in foreign for word in ("-isystem", folder)), "-x", "c++", "-"]


def problems_of(source, flags, header):
    """The compiler's complaint about trainer/`header`; [] when there is none."""
    text = f'#include "{header}"\n' * 2
    done = subprocess.run(flags, cwd=source, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    return [f"trainer/{header} does not compile alone:\n{done.stdout.strip()}"] if done.returncode else []


def main():
    options = tree.options(__doc__)
    headers = [os.path.relpath(path, "trainer") for path in tree.files(options.source, ["trainer"], (".h",))]
    if tree.cache_value(options.build, "VERNIER_TORCH_FREE").upper() in ("ON", "1", "TRUE", "YES"):
        headers = [path for path in headers if path.split("/")[0] not in check_layers.TORCH_ROOMS]
    if not os.path.isdir(tree.cache_value(options.build, "VERNIER_CUDA_INCLUDE")):
        headers = [path for path in headers if path.split("/")[0] != "cuda"]
    flags = compiler_flags(options.source, options.build)
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda header: problems_of(options.source, flags, header), headers))
    tree.report([problem for problems in found for problem in problems], len(headers))


if __name__ == "__main__":
    main()

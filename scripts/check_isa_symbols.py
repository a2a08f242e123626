#!/usr/bin/env python3
"""No object file built with AVX flags may export a function: the linker could take it for the whole program, which then
dies on a CPU without AVX. usage: check_isa_symbols.py --source DIR --build DIR"""
import argparse
import pathlib
import subprocess
import sys

# nm's letters of symbols other objects can see: global text, weak, indirect function. Data letters are fine; a weak
# object is V, undefined symbols are U, w and v.
EXPORTED_CODE = {"T", "W", "i"}


def exported_functions(object_file):
    run = subprocess.run(["nm", "--demangle", "--defined-only", str(object_file)], check=True, capture_output=True,
                         text=True)
    for line in run.stdout.splitlines():
        _, _, rest = line.partition(" ")
        letter, _, name = rest.partition(" ")
        if letter in EXPORTED_CODE:
            yield letter, name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    args = parser.parse_args()

    rooms = list(args.build.glob("**/vernier_kernels.dir"))
    if not rooms:
        print(f"{args.build}: kernels/ is not part of this build; nothing to check")
        return 0
    sources = sorted(source for source in (args.source / "trainer" / "kernels").rglob("*.cpp")
                     if "avx2" in source.name or "avx512" in source.name)
    problems, checked = [], 0
    for source in sources:
        relative = source.relative_to(args.source)
        objects = [found for room in rooms for found in room.glob(f"**/{relative}.o")]
        if not objects:
            problems.append(f"{relative}: no object file in {args.build}: build it first")
        for object_file in objects:
            checked += 1
            problems += [f"{relative}: exports the function '{name}' (nm: {letter}); put it in an anonymous namespace"
                         for letter, name in exported_functions(object_file)]
    if not sources:
        problems.append(f"{args.source}: no *avx2*.cpp or *avx512*.cpp in trainer/kernels")
    for problem in problems:
        print(problem)
    print(f"{checked} object files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env bash
# Builds one preset and prints the program's path.
# Usage: scripts/build.sh [release|dev|asan|tsan] [--program-only] [CMake arguments...]   (--program-only: without the tests)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

preset=release
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
  preset=$1
  shift
fi
case $preset in
  release | dev | asan | tsan) ;;
  *)
    echo "build: unknown preset '$preset' (release, dev, asan or tsan)" >&2
    exit 2
    ;;
esac
target=all
if [ "${1:-}" = --program-only ]; then
  target=vernier
  shift
fi
if [ -n "${VERNIER_LIBTORCH:-}" ]; then
  set -- "-DVERNIER_LIBTORCH=$VERNIER_LIBTORCH" "$@"
fi

# A file that includes LibTorch takes up to 1.5 GB to compile: more jobs than memory would swap or be killed.
cpus=$(nproc)
memory_kb=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
jobs=$((memory_kb / 1572864))
jobs=$((jobs < 1 ? 1 : jobs > cpus ? cpus : jobs))

cmake --preset "$preset" "$@" >&2
cmake --build --preset "$preset" --target "$target" --parallel "$jobs" >&2
if [ -x "$root/build/$preset/vernier" ]; then
  echo "$root/build/$preset/vernier"
fi

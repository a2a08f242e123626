#!/usr/bin/env bash
# Builds and runs the benchmarks of the kernels: each on one pinned CPU, beside the peak of that CPU.
# Usage: scripts/bench.sh [arguments of Google Benchmark...]   (for example --benchmark_filter=base_forward/avx512)
# LibTorch is not needed. On a busy machine the numbers mean little: /proc/loadavg is printed first.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release -DVERNIER_TORCH_FREE=ON -DVERNIER_BENCH=ON >&2
cmake --build build/bench --target bench_kernels --parallel "$(nproc)" >&2
echo "load: $(cat /proc/loadavg)"
exec build/bench/bench_kernels "$@"

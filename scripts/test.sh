#!/usr/bin/env bash
# Installs, builds and runs every test: all of them optimized, those without LibTorch also under ASan and UBSan,
# and what has threads of its own under TSan.
# Usage: scripts/test.sh [CTest arguments...]   (for example -R config)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

scripts/setup.sh
presets=(release asan tsan)
for preset in "${presets[@]}"; do
  scripts/build.sh "$preset" >/dev/null
done

# A selection may leave a preset without tests; the whole suite may not.
no_tests=error
[ $# -eq 0 ] || no_tests=ignore

status=0
reports=()
for preset in "${presets[@]}"; do
  echo "== tests of build/$preset"
  report="$root/build/$preset/tests.xml"
  rm -f "$report"
  # The checks of the tree read the same files in every preset: once is enough. The store's fault tests have no threads.
  case $preset in
    release) skip=() ;;
    tsan) skip=(-E '^(tree|io\.(AllocationFailure|StoreCrash|StoreDamage|StoreFailure))\.') ;;
    *) skip=(-E '^tree\.') ;;
  esac
  # The report holds the whole output of what passed: it names the tests that were skipped inside a Python file.
  ctest --test-dir "build/$preset" --output-on-failure --no-tests="$no_tests" --parallel 2 --output-junit "$report" \
    --test-output-size-passed 1000000 "${skip[@]}" "$@" || status=1
  reports+=("$preset=$report")
done

echo "== summary"
python3 scripts/summarize_tests.py "${reports[@]}" || status=1
exit "$status"

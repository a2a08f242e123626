#!/usr/bin/env bash
# Builds what the fault tests need and runs them all: a table of hazard, trials, failures and seconds, and the same as
# JSON in build/fault_tests/results.json, from which scripts/fault_table.py writes the table of docs/reliability.md.
# Usage: scripts/fault_tests.sh [--release | --trials N] [--rows 1,7,25]
# --release: the counts of a release, hours. --trials: N random faults in each test of the whole program. Else those of CI.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

scripts/setup.sh
scripts/build.sh release >/dev/null
exec python3 scripts/fault_tests.py "$@"

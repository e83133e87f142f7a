#!/usr/bin/env bash
# `dvc repro` with as many trainings side by side as there are cores, one thread each.
# What DVC runs and records is the same as with plain `dvc repro`, which takes one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."
repro() { dvc --wait-for-lock repro "$@"; } # without it, DVC gives up after 3 s that another holds its lock
# Ctrl-C reaches the trainings themselves, which end well; what labels their last lines, and this script, wait for them.
train() { OMP_NUM_THREADS=1 repro -s "$1" 2>&1 | (trap '' INT TERM; exec sed -u "s/^/$1 | /"); }
trap 'wait; exit 130' INT TERM

python src/check.py inputs
cores=$(python -c 'import joblib; print(joblib.cpu_count())') failed=0
if [ "$cores" -gt 1 ] && ! dvc status --quiet; then
  repro standardize
  for training in $(grep -oE '^  train_\w+' dvc.yaml); do
    [ "$(jobs -r | wc -l)" -lt "$cores" ] || wait -n || failed=$?
    train "$training" &
  done
  for training in $(jobs -p); do wait "$training" || failed=$?; done
  [ "$failed" -eq 0 ] || exit "$failed"
fi
repro

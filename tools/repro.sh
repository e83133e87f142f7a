#!/usr/bin/env bash
# `dvc repro` with the two trainings side by side, one thread each, if the machine has the cores.
# What DVC runs and records is the same as with plain `dvc repro`, which takes one after the other.
set -uo pipefail
CDPATH='' cd "$(dirname "$0")/.."
# DVC gives up after 3 s that another holds its lock, as it may on a busy machine: here it waits.
dvc() { command dvc --wait-for-lock "$@"; }
# Without DVC's hints (git add, autostage, push), which it would give five times. What takes them out outlives Ctrl-C.
hints='/^To track the changes with git/ { hint = 1; next } hint && /^$|^\t|^To enable auto staging/ { next }
  { hint = 0 } /^Use `dvc push`|^Updating lock file/ { next } { print; fflush() }'
repro() { dvc repro "$@" | (trap '' INT TERM; exec awk "$hints"); }

python src/check.py inputs || exit
status=$(dvc status) || exit
if [ "$status" = "Data and pipelines are up to date." ]; then
  echo "$status"
  exit
fi
cores=$(python -c 'import os; print(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())')
if [ "$cores" -lt 2 ]; then
  repro
  exit
fi

# Ctrl-C reaches the trainings themselves, which end well; DVC, the label's writers and this script wait for them.
trap 'interrupted=130' INT TERM
labelled() { while IFS= read -r line; do printf '%-12s | %s\n' "$1" "$line"; done; }

# Fetch needs one core alone: MLflow's store, which takes seconds to be made, is made meanwhile. What fails, a stage says.
[ -e mlflow.db ] || [ -n "${MLFLOW_TRACKING_URI:-}" ] ||
  python -c 'import sys; sys.path.insert(0, "src"); from sparsefaces.tracking.store import Store; Store()' > /dev/null 2>&1 &
repro standardize
failed=$?
wait
[ -z "${interrupted:-}" ] || exit "$interrupted"
[ "$failed" -eq 0 ] || exit "$failed"
for training in train_dense train_sparse; do
  (trap '' INT TERM; OMP_NUM_THREADS=1 repro -s "$training" 2>&1 | labelled "$training") &
  trainings+=($!)
done
for training in "${trainings[@]}"; do
  wait "$training" || { wait "$training" || failed=$?; }  # a first wait may end with the signal alone
done
[ -z "${interrupted:-}" ] || exit "$interrupted"
[ "$failed" -eq 0 ] || exit "$failed"
repro

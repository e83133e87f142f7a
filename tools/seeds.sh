#!/usr/bin/env bash
# Run the committed pipeline with each of SEEDS, as experiments through DVC's queue, and renew the claims' table.
set -euo pipefail
CDPATH='' cd "$(dirname "$0")/.."
trap 'exit 130' INT TERM # DVC takes Ctrl-C for the end of its words, not of the work
fail() { echo "error: $1" >&2; exit 1; }

dvc repro
git diff --quiet HEAD -- src params.yaml dvc.yaml dvc.lock stages ||
  fail "the workspace differs from the last commit, which the seeds are compared with: commit (git status)"
queue=$(dvc queue status)
if grep -qE "Queued|Running" <<< "$queue"; then
  fail "DVC's queue is not empty, and would be run along: see dvc queue status, dvc queue remove"
fi

committed=$(python -c 'from sparsefaces.base.params import load_params; print(load_params().train.seed)')
there=$(dvc exp list --name-only)
queued=
for seed in ${SEEDS//,/ }; do
  if [ "$seed" = "$committed" ] || grep -qx "seed-$seed" <<< "$there"; then
    echo "seed $seed: already there"
  else
    dvc exp run --queue --name "seed-$seed" -s train_dense train_sparse analyze --set-param "train.seed=$seed"
    queued=yes
  fi
done
[ "$JOBS" -le 1 ] || export OMP_NUM_THREADS=1
[ -z "$queued" ] || dvc exp run --run-all --jobs "$JOBS"
python src/seeds.py "$SEEDS"

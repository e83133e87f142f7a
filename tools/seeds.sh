#!/usr/bin/env bash
# Run the committed pipeline with each of SEEDS, as experiments through DVC's queue, and renew the claims' table.
set -euo pipefail
CDPATH='' cd "$(dirname "$0")/.."

dvc repro
for seed in ${SEEDS//,/ }; do
  # A seed that an experiment of this commit has, or the commit itself, is not run again.
  if dvc exp list --name-only | grep -qx "seed-$seed" || git show HEAD:./params.yaml | grep -qE "^  seed: $seed( |$)"; then
    echo "seed $seed: already there"
  else
    dvc exp run --queue --name "seed-$seed" -s train_dense train_sparse analyze --set-param "train.seed=$seed"
  fi
done
[ "$JOBS" -le 1 ] || export OMP_NUM_THREADS=1
dvc exp run --run-all --jobs "$JOBS"
python src/seeds.py

#!/usr/bin/env bash
# Run the committed pipeline with each of SEEDS, as experiments through DVC's queue, and write the claims' table: seeds.md.
set -euo pipefail
cd "$(dirname "$0")/.."
trap 'exit 130' INT TERM # DVC takes Ctrl-C for the end of its words, not of the work

dvc repro
if ! git diff --quiet HEAD -- src params.yaml dvc.yaml dvc.lock stages; then
  echo "error: the workspace differs from the last commit, which the seeds are compared with: commit (git status)" >&2
  exit 1
fi
there="seed-$(python -c 'from sparsefaces.base.params import load_params; print(load_params().train.seed)')
$(dvc exp list --name-only)"
trainings=$(grep -oE '^  train_\w+' dvc.yaml)
for seed in ${SEEDS//,/ }; do
  if grep -qx "seed-$seed" <<< "$there"; then
    echo "seed $seed: already there"
  else
    dvc exp run --queue --name "seed-$seed" -s $trainings analyze --set-param "train.seed=$seed"
  fi
done
[ "$JOBS" -le 1 ] || export OMP_NUM_THREADS=1
dvc exp run --run-all --jobs "$JOBS"
python src/seeds.py "$SEEDS"

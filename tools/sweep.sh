#!/usr/bin/env bash
# The recommended lines for a sweep over lambda and k. They are typed rather than run: any of them may want a change.
set -euo pipefail

threads=
[ "$JOBS" -le 1 ] || threads='OMP_NUM_THREADS=1 '

# Experiments run in copies that have what Git knows, and images are not among that: only what depends on the model is run.
cat <<END
. .venv/bin/activate
dvc repro                                  # first: what all experiments share is made once
dvc exp run --queue -s train_dense train_sparse analyze -S train_sparse.lambda=$LAMBDAS
dvc exp run --queue -s train_dense train_sparse analyze -S train_sparse.activation=topk -S train_sparse.lambda=0.0 -S train_sparse.k=$K
${threads}dvc queue start --jobs $JOBS       # in the background; each experiment in a copy of its own
dvc queue status                           # until all are done; dvc queue logs NAME shows one
dvc exp show --no-pager --md --drop '.*' --keep 'Experiment|train_sparse.(lambda|k)|sparse\.(l0|bits|explained_variance)$' --sort-by train_sparse.lambda
make tradeoff                              # draws all of them: tradeoff.png
git diff --stat --exit-code HEAD && dvc exp apply NAME  # brings one back, but for edits that Git shows: it would overwrite them
dvc exp branch NAME BRANCH                 # or makes a branch of it
END

#!/usr/bin/env bash
#SBATCH --job-name=sparsefaces
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=02:00:00
# A sweep over lambda as a Slurm array, an experiment of DVC's per task, from the project's top folder:
#   sbatch --array=0-3 tools/slurm.sh 0.1 0.3 1 3
# The folder, with .venv and DVC's cache, must be on disks that all nodes share. docs/scale.md tells the rest.
set -euo pipefail
values=("$@")
lambda=${values[$SLURM_ARRAY_TASK_ID]}
project=${SLURM_SUBMIT_DIR:-$PWD}
name=lambda-$lambda
export PATH=$project/.venv/bin:$PATH
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
export MLFLOW_TRACKING_URI=${MLFLOW_TRACKING_URI:?"name the server that all tasks log to"}

# A clone on the node's own disk: no two tasks write the same files, the shared cache and the project's Git apart.
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet "$project" "$clone"
cache=$(cd "$project" && dvc cache dir)
cd "$clone"
dvc cache dir --local "$cache"
dvc checkout --quiet stages/standardize/X.npy stages/standardize/split.npy stages/standardize/scaling.npz \
  stages/fetch/faces.npy stages/fetch/people.npy stages/train_dense/model.safetensors
dvc exp run --name "$name" --single-item --set-param "train_sparse.lambda=$lambda" train_sparse analyze
dvc exp push --no-cache origin "$name"

#!/usr/bin/env bash
# MLflow's UI on the project's store, for this machine only.
set -euo pipefail
CDPATH='' cd "$(dirname "$0")/.."
port=${1:-5000}
case "${MLFLOW_TRACKING_URI:-}" in
  http*) echo "Your runs are on a server: $MLFLOW_TRACKING_URI"; exit 0 ;;
esac
if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
  echo "port $port is taken, perhaps by an MLflow of yours; choose another: make ui PORT=$((port + 1))" >&2
  exit 1
fi
echo "MLflow: http://127.0.0.1:$port (Ctrl-C ends it)"
# All that MLflow lets an address set: trainings alone, as charts. Without the workflow, it opens on language models.
echo "The trainings: http://127.0.0.1:$port/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART&searchFilter=tags.stage%20LIKE%20%27train%25%27"
echo "All runs: http://127.0.0.1:$port/#/experiments/1/runs?workflowType=machine_learning"
exec env MLFLOW_DISABLE_TELEMETRY=true mlflow server --host 127.0.0.1 --port "$port" --workers 1 \
  --backend-store-uri "${MLFLOW_TRACKING_URI:-sqlite:///$PWD/mlflow.db}" --default-artifact-root "$PWD/mlartifacts"

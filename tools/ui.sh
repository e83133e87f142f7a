#!/usr/bin/env bash
# MLflow's UI on the project's store, for this machine only.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${1:-5000}
case "${MLFLOW_TRACKING_URI:-}" in
  http*) echo "Your runs are on a server: $MLFLOW_TRACKING_URI"; exit 0 ;;
esac
echo "MLflow: http://127.0.0.1:$port (Ctrl-C ends it)"
exec env MLFLOW_DISABLE_TELEMETRY=true mlflow server --host 127.0.0.1 --port "$port" --workers 1 \
  --backend-store-uri "${MLFLOW_TRACKING_URI:-sqlite:///$PWD/mlflow.db}" --default-artifact-root "$PWD/mlartifacts"

#!/usr/bin/env bash
# Make the report that the committed code makes of the embedded ORL faces, after a tenth of the iterations: report-orl.html.
# It is made in a clone, so that neither the results in the workspace nor a store of MLflow's hear of it.
set -euo pipefail
cd "$(dirname "$0")/.."
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet "$(git rev-parse --show-toplevel)" "$clone"
project=$clone/$(git rev-parse --show-prefix)
(cd "$project" && env -u MLFLOW_TRACKING_URI dvc exp run --set-param fetch.source=orl --set-param train.iterations=1001)
cp "$project/stages/analyze/report.html" report-orl.html
echo "report-orl.html: the ORL faces, 1001 iterations; not the results in stages/"

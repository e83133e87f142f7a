#!/usr/bin/env bash
# Resolve pyproject.toml for every platform and Python at once into requirements.lock, which plain pip reads.
# Torch's local build tag and its accelerator packages are left to torch's own metadata: the same lock then
# serves a CPU-only build and a CUDA one.
set -euo pipefail
CDPATH='' cd "$(dirname "$0")/.."
torch=${TORCH_VERSION:-2.13.0}
resolved=$(mktemp)
trap 'rm -f "$resolved"' EXIT
echo "torch==$torch" | uv pip compile --quiet --universal --python-version 3.11 --extra dev \
  ${PIP_FIND_LINKS:+--find-links "$PIP_FIND_LINKS"} --constraint /dev/stdin \
  --no-header --no-annotate --no-emit-find-links --output-file "$resolved" pyproject.toml
{
  echo "# Exact versions for Python 3.11 and newer, any platform. Made by \`make lock\`; do not edit."
  sed -E '/^(nvidia|cuda|triton)[-=]/d; s/^(torch==[0-9.]+).*/\1/' "$resolved" | uniq
} > requirements.lock
echo "requirements.lock: $(grep -c == requirements.lock) packages"

#!/usr/bin/env bash
# Resolve pyproject.toml for every platform and Python at once into requirements.lock, which plain pip reads.
# Torch's local build tag and its accelerator packages are left to torch's own metadata: the same lock then
# serves a CPU-only build and a CUDA one.
set -euo pipefail
cd "$(dirname "$0")/.."
resolved=$(echo "torch==${TORCH_VERSION:-2.13.0}" | uv pip compile --quiet --universal --python-version 3.11 \
  --extra dev --constraint /dev/stdin --no-header --no-annotate --no-emit-find-links pyproject.toml)
{
  echo "# Exact versions for Python 3.11 and newer, any platform. Made by \`make lock\`; do not edit."
  sed -E '/^(nvidia|cuda|triton)[-=]/d; s/^(torch==[0-9.]+).*/\1/' <<< "$resolved" | uniq
} > requirements.lock

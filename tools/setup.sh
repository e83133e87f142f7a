#!/usr/bin/env bash
# Make .venv anew with the locked packages: tools/setup.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "make: $1" >&2; exit 1; }

"$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$1 is missing or older than Python 3.11; name a newer one: make PYTHON=python3.12"
"$1" -c 'import ensurepip' || fail "$1 cannot make .venv: on Debian and Ubuntu, install the package python3-venv"
[ ! -e .venv ] || [ -e .venv/.made-by-make ] ||
  fail ".venv is not of make's making and would be cleared: move it away (mv .venv .venv-mine)"
echo "Setting up .venv (once; some minutes, mostly downloads)"
"$1" -m venv --clear .venv
touch .venv/.made-by-make
.venv/bin/python -m pip install --disable-pip-version-check -r requirements.lock
.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
cp requirements.lock .venv/.ready

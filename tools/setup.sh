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

# uv takes a tenth of pip's time, but it does not read pip's settings. If the user has told uv where to look, it finds
# torch there, too. The backend `auto` would not do: for Intel's graphics, it is a large build of its own.
. .venv/bin/activate
[[ ${!UV_*} =~ INDEX|FIND_LINKS ]] || nvidia-smi &> /dev/null || export UV_TORCH_BACKEND=${UV_TORCH_BACKEND:-cpu}
install="python -m pip install --disable-pip-version-check" why=""
$install -q --timeout 5 --retries 1 "$(grep '^uv==' requirements.lock)" 2> /dev/null || why="uv cannot be downloaded"
[[ ${!UV_*} =~ INDEX|FIND_LINKS ]] || [[ ! $(pip config list) =~ (index|url|links|constraint|cert|proxy|host)= ]] ||
  why="uv does not read pip's settings (pip config list)"
[ -n "$why" ] ||
  UV_HTTP_RETRIES=1 UV_HTTP_CONNECT_TIMEOUT=5 UV_HTTP_TIMEOUT=5 uv pip install -qq --dry-run -r requirements.lock ||
  why="uv cannot reach the package index${UV_TORCH_BACKEND:+, or that of torch for $UV_TORCH_BACKEND}"
[ -z "$why" ] && install="uv pip install" || echo "make: pip installs, perhaps with CUDA (3 GB): $why"
$install -r <(grep -v '^uv==' requirements.lock)
$install --quiet --no-deps --no-build-isolation -e .
cp requirements.lock .venv/.ready

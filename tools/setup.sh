#!/usr/bin/env bash
# Make .venv anew with the locked packages: tools/setup.sh PYTHON. An environment that this script did not make stays.
set -euo pipefail
CDPATH='' cd "$(dirname "$0")/.."
fail() { echo "make: $1" >&2; exit 1; }
# Of what pip says, it shows the large downloads and the installation.
install() {
  PYTHONUNBUFFERED=1 .venv/bin/python -m pip install --disable-pip-version-check "$@" |
    while read -r word file size; do
      case $word:$size in
        Downloading:*[0-9][0-9].[0-9]\ MB\) | Downloading:*\ GB\)) echo "  $file $size" ;;
        Installing:*packages:*) echo "  installing $(set -- $size; echo $(($# - 1))) packages" ;;
      esac
    done
}

# Not the Python of the .venv that is about to be cleared, which comes first on make's PATH, but the one beneath it.
python=$("$1" -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys._base_executable)') ||
  fail "$1 is missing or older than Python 3.11; name a newer one: make PYTHON=python3.12"
if [ -L .venv ]; then
  fail ".venv is a symbolic link, to $(readlink .venv), which would be cleared: remove the link (rm .venv)"
elif [ -e .venv ] && [ ! -e .venv/.made-by-make ] && [ ! -e .venv/.ready ] && [ -n "$(ls -A .venv)" ]; then
  fail ".venv is not of make's making and would be cleared: move it away (mv .venv .venv-mine)"
fi
echo "Setting up .venv (once; some minutes, mostly downloads)"
# The mark stands first and stays until the end: what is left of an interrupted set-up is known as make's own.
mkdir -p .venv && touch .venv/.made-by-make
find .venv -mindepth 1 ! -name .made-by-make -delete
"$python" -m venv .venv || fail "could not create .venv; on Debian and Ubuntu the package python3-venv is needed"
install -r requirements.lock
install --quiet --no-deps --no-build-isolation -e .
(cd / && "$OLDPWD/.venv/bin/python" -c 'import sparsefaces') ||
  fail "pip put the packages elsewhere: look for target, prefix or root in \`.venv/bin/python -m pip config list\`"
cp requirements.lock .venv/.ready

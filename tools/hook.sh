#!/usr/bin/env bash
# Run a hook's command with the project's tools: tools/hook.sh COMMAND... Those of the activated environment, whatever
# its kind and name; if none of the project's is (a commit from an editor, conda's base), those of .venv.
set -euo pipefail
activated=${VIRTUAL_ENV:-${CONDA_PREFIX:-}}
if [ ! -x "$activated/bin/lint-imports" ] && [ -x .venv/bin/lint-imports ]; then
  PATH=$PWD/.venv/bin:$PATH
elif ! command -v lint-imports > /dev/null; then
  echo "the project's tools are in neither an activated environment nor .venv: activate yours, or type \`make setup\`" >&2
  exit 1
fi
exec "$@"

"""Asking Git and DVC, by command and in their files: the same answer whatever the user's environment is set to."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from sparsefaces.base.errors import UserError
from sparsefaces.base.yaml_files import NOT_YAML, read_yaml

LIMIT = 60.0  # seconds: a remote that does not answer, or a repository that DVC cannot read, would hold us for ever
# Set inside Git's hooks: they would make Git take the current folder for the top of the repository.
OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
OF_A_TERMINAL = ("FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "PYTHONWARNINGS")
PLAIN = {"NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


def ask(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command, whatever its exit code, and keep what it prints, in UTF-8 and without colours.

    Raises:
        OSError: There is no such command.
        UserError: It does not end.
    """
    env = {name: value for name, value in os.environ.items() if name not in OF_A_HOOK + OF_A_TERMINAL} | PLAIN
    try:
        return subprocess.run(  # noqa: S603 - a list, no shell
            command, env=env, capture_output=True, encoding="utf-8", errors="replace", check=False, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"`{' '.join(command)}` has not ended after {LIMIT:.0f} s: try it by hand") from None


def read_now(path: str) -> dict[str, Any] | None:
    """Read a JSON or YAML file as it is in the workspace; None if it is not there.

    Raises:
        UserError: It is damaged.
    """
    file = Path(path)
    return parse(file.read_text(encoding="utf-8"), path) if file.is_file() else None


def parse(text: str, path: str) -> dict[str, Any]:
    """Read the text of a JSON or YAML file.

    Raises:
        UserError: It is damaged.
    """
    try:
        values = json.loads(text) if path.endswith(".json") else read_yaml(text)
    except NOT_YAML as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}): git restore {path}") from None
    if not isinstance(values or {}, dict):
        raise UserError(f"{path} holds no keys and values: git restore {path}")
    return values or {}

"""Asking Git and DVC: the same answer whatever the user's environment is set to."""

import os
import subprocess

from sparsefaces.base.errors import UserError

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

"""What Git and DVC answer about a change."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import read_yaml

CLAIMS = "stages/analyze/claims.json"


def run(*command: str) -> str:
    """Return what a command prints.

    Raises:
        UserError: It fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        raise UserError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def dvc(*arguments: str) -> str:
    """Return what a command of DVC's prints."""
    return run(sys.executable, "-m", "dvc", *arguments)


def read_at(commit: str, path: str) -> dict[str, Any]:
    """Read a JSON or YAML file as it was at a commit; nothing if it was not there."""
    done = subprocess.run(["git", "show", f"{commit}:./{path}"], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return {} if done.returncode else dict(read_yaml(done.stdout))


def refuse_conflicts() -> None:
    """Refuse what Git has left of a merge in the files that DVC reads.

    Raises:
        UserError: One of them holds both sides.
    """
    for name in ("params.yaml", "dvc.yaml", "dvc.lock"):
        if Path(name).exists() and "\n<<<<<<< " in "\n" + Path(name).read_text(encoding="utf-8"):
            raise UserError(
                f"{name} holds both sides of a merge. `git restore --source HEAD --staged --worktree dvc.lock "
                "stages` takes one side's results; decide params.yaml and dvc.yaml by hand; then `dvc repro`, "
                "`git add stages`, `git commit -a` (docs/review.md, Merge)"
            )


def stale_stages() -> list[str]:
    """Name the stages that dvc.lock does not match, whether or not the data is here."""
    refuse_conflicts()
    command = (sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing", "--keep-going")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    output = done.stdout + done.stderr  # DVC fails to reproduce a stage that is stale, and whose data is not here
    stale = set(re.findall(r"(?:^Running stage|failed to reproduce) '(\S+)'", output, re.MULTILINE))
    if done.returncode and not stale:
        raise UserError(f"`dvc repro --dry` failed: {output.strip()}")
    return sorted(stale)

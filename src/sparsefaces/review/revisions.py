"""What Git and DVC know of two revisions, asked of their own commands; needs neither data nor cache."""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from sparsefaces.base.errors import UserError
from sparsefaces.base.yaml_files import read_yaml
from sparsefaces.tracking.commands import ask, dvc

IN_SYNC = "Data and pipelines are up to date"
# The stages that a dry run names as out of date. In a clone without data, it fails at the first of them.
STALE = re.compile(r"Running stage '([^']+)'|Stage '([^']+)' is cached|failed to reproduce '([^']+)'")


def resolve(base: str) -> str:
    """Find the commit where this branch left another revision.

    Args:
        base: A branch, tag or commit.

    Raises:
        UserError: There is no such revision, or no common history.
    """
    if not base:
        raise UserError("name the revision to compare with: make review BASE=main")
    commit = ask("git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
    if commit.returncode:
        raise UserError(f"BASE is {base!r}, which names no commit here: name a branch, a tag or a commit (git fetch?)")
    done = ask("git", "merge-base", commit.stdout.strip(), "HEAD")
    if done.returncode:
        raise UserError(f"BASE is {base!r}, which shares no history with HEAD: fetch all of it (git fetch --unshallow)")
    return done.stdout.strip()


def git(*arguments: str) -> str:
    """Return what a command of Git's prints, without the last newline.

    Raises:
        UserError: It fails.
    """
    return _output("git", *arguments).rstrip("\n")


def is_dirty() -> bool:
    """Whether tracked files of this folder, which may lie deep in a larger repository, differ from the commit."""
    return bool(git("status", "--porcelain", "--untracked-files=no", "--", "."))


def dvc_json(*arguments: str) -> dict[str, Any]:
    """Return what a command of DVC's says with --json.

    Raises:
        UserError: It fails.
    """
    return dict(json.loads(_output(*dvc(*arguments, "--json")) or "{}"))


def stale_stages() -> list[str]:
    """Name the stages for which dvc.lock does not match params.yaml, dvc.yaml and the code; without data, the first.

    Raises:
        UserError: DVC cannot tell, as when dvc.yaml is not valid.
    """
    done = ask(*dvc("repro", "--allow-missing", "--dry"))
    if IN_SYNC in done.stdout:
        return []
    stale = ["".join(names) for names in STALE.findall(done.stdout + done.stderr)]
    if not stale:
        raise UserError(_failure("dvc repro --allow-missing --dry", done))
    return list(dict.fromkeys(stale))


def read_then(commit: str, path: str) -> dict[str, Any] | None:
    """Read a JSON or YAML file of this folder as Git has it at a commit; None if it was not there."""
    done = ask("git", "cat-file", "blob", f"{commit}:./{path}")  # without ./, from the top of the repository
    return None if done.returncode else _parse(done.stdout, path)


def read_now(path: str) -> dict[str, Any] | None:
    """Read a JSON or YAML file as it is in the workspace; None if it is not there."""
    file = Path(path)
    return _parse(file.read_text(encoding="utf-8"), path) if file.is_file() else None


def changed_figures(commit: str) -> dict[str, tuple[bool, bool]]:
    """Find the pictures among DVC's plots whose bytes differ from those at a commit.

    Returns:
        By path, whether it was there then and whether it is there now.
    """
    with tempfile.TemporaryDirectory() as folder:
        plots = dvc_json("plots", "diff", commit, "--out", folder)["data"]
        changed = {}
        for path, entries in plots.items():
            images = {entry["revisions"][0]: Path(entry["url"]) for entry in entries if entry["type"] == "image"}
            now = images.pop("workspace", None)
            then = next(iter(images.values()), None)
            if (then and then.read_bytes()) != (now and now.read_bytes()):
                changed[path] = then is not None, now is not None
        return changed


def _output(*command: str) -> str:
    done = ask(*command)
    if done.returncode:
        raise UserError(_failure(" ".join(command).removeprefix(" ".join(dvc()).removesuffix("dvc")), done))
    return done.stdout


def _failure(command: str, done: subprocess.CompletedProcess[str]) -> str:
    said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
    return f"`{command}` failed: {said}"


def _parse(text: str, path: str) -> dict[str, Any]:
    return dict(json.loads(text) if path.endswith(".json") else read_yaml(text))

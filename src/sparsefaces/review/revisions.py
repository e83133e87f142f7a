"""What Git and DVC know of two revisions; needs neither data nor cache."""

import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sparsefaces.base.errors import UserError
from sparsefaces.tracking.commands import ask, parse, read_now

Json = Mapping[str, Any]
MISSING = ("not in cache", "deleted")  # what DVC calls data that is not here


def resolve(base: str) -> str:
    """Find the commit where this branch left another revision.

    Args:
        base: A branch, tag or commit.

    Raises:
        UserError: There is no such revision, or no common history.
    """
    if not base:
        raise UserError("name the revision to compare with: make review BASE=main")
    git("rev-parse", "--git-dir")  # Git's own words, as of a folder that is another user's
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
    done = ask("git", *arguments)
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise UserError(f"`git {' '.join(arguments)}` failed: {said}")
    return done.stdout.rstrip("\n")


def make_readable(commit: str) -> None:
    """Make sure that DVC can read a commit: of what it cannot, it says little and does not end.

    Raises:
        UserError: Git's index is split, or Git cannot fetch what a partial clone lacks.
    """
    if git("rev-parse", "--shared-index-path"):
        raise UserError(
            "Git's index is split, which DVC cannot read: git config core.splitIndex false, "
            "then git update-index --no-split-index"
        )
    git("archive", "--format=tar", "--output=/dev/null", commit)  # what a partial clone lacks is fetched meanwhile


def dvc(*arguments: str) -> str:
    """Return what a command of DVC's prints.

    Raises:
        UserError: It fails, as if dvc.yaml is not valid.
    """
    done = ask(sys.executable, "-P", "-m", "dvc", *arguments)
    if done.returncode:
        raise UserError(f"DVC failed: {' '.join(done.stderr.split()).removeprefix('ERROR: ')}")
    return done.stdout


def ask_dvc(then: str) -> tuple[Json, Json, Json]:
    """Ask DVC, all at once, for its status and for what differs from a commit: parameters, metrics."""
    commands = (("status",), ("params", "diff", then), ("metrics", "diff", then))
    with ThreadPoolExecutor() as pool:
        status, params, metrics = pool.map(lambda command: json.loads(dvc(*command, "--json")), commands)
    return status, params, metrics


def check_stages(status: Json) -> tuple[list[str], int]:
    """Find where dvc.lock does not match params.yaml, dvc.yaml, the code or itself, whether or not the data is here.

    Args:
        status: What `dvc status --json` prints.

    Returns:
        The names of these stages, and how many results are not in the cache here.

    Raises:
        UserError: dvc.yaml has no stages.
    """
    stages = (read_now("dvc.yaml") or {}).get("stages")
    if not stages:
        raise UserError("dvc.yaml has no stages: git restore dvc.yaml")
    lock = (read_now("dvc.lock") or {}).get("stages", {})
    made = {out["path"]: out.get("md5") for record in lock.values() for out in record.get("outs", [])}
    outs = {path: state for changes in status.values() for path, state in _states(changes, "changed outs")}
    absent = [path for path, state in outs.items() if state in MISSING]
    stale = [
        stage
        for stage, changes in status.items()
        if any(isinstance(change, str) for change in changes)  # as "changed command"
        or any(state not in MISSING for _, state in _states(changes, "changed outs"))
        or any(state != "deleted" or path not in absent for path, state in _states(changes, "changed deps"))
    ]
    stale += [
        stage
        for stage, record in lock.items()
        if stage.partition("@")[0] not in stages
        or any(made.get(dep["path"], dep.get("md5")) != dep.get("md5") for dep in record.get("deps", []))
    ]
    return list(dict.fromkeys(stale)), list(outs.values()).count("not in cache")


def _states(changes: list[Any], kind: str) -> list[tuple[str, Any]]:
    return [item for change in changes if isinstance(change, dict) for item in change.get(kind, {}).items()]


def read_then(commit: str, path: str) -> dict[str, Any] | None:
    """Read a JSON or YAML file of this folder as Git has it at a commit; None if it was not there."""
    done = ask("git", "cat-file", "blob", f"{commit}:./{path}")  # without ./, from the top of the repository
    return None if done.returncode else parse(done.stdout, path)


def read_both(commit: str, path: str) -> tuple[Json | None, Json | None]:
    """Read a JSON or YAML file as it was at a commit and as it is now."""
    return read_then(commit, path), read_now(path)


def changed_figures(commit: str) -> dict[str, tuple[bool, bool]]:
    """Find the pictures that stages leave in Git whose bytes differ from those at a commit.

    Returns:
        By path, whether it was there then and whether it is there now.
    """
    pictures = (":(glob)stages/**/*.png",)
    lines = git("diff", "--relative", "--no-renames", "--name-status", "-z", commit, "--", *pictures).split("\0")[:-1]
    return {path: (status != "A", status != "D") for status, path in zip(lines[::2], lines[1::2], strict=True)}

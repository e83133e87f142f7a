"""What Git and DVC know of two revisions; needs neither data nor cache."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from dvc.exceptions import DvcException
from dvc.repo import Repo

from sparsefaces.base.errors import UserError
from sparsefaces.base.yaml_files import read_yaml
from sparsefaces.tracking.commands import ask


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


def is_dirty() -> bool:
    """Whether tracked files of this folder, which may lie deep in a larger repository, differ from the commit."""
    return bool(git("status", "--porcelain", "--untracked-files=no", "--", "."))


@contextmanager
def opened() -> Iterator[Repo]:
    """Open DVC's project in the current folder, as its own commands do.

    Raises:
        UserError: DVC fails within the block, as if dvc.yaml is not valid.
    """
    try:
        with Repo() as repo:
            yield repo
    except DvcException as error:
        raise UserError(f"DVC failed: {' '.join(str(error).split())}") from None


def differences(kind: Literal["params", "metrics"], then: str, repo: Repo) -> dict[str, dict[str, Any]]:
    """Find what differs from a commit, as `dvc params diff` and `dvc metrics diff` do: old and new values."""
    return dict(getattr(repo, kind).diff(a_rev=then).get("diff", {}))


def stale_stages(repo: Repo) -> list[str]:
    """Name the stages for which dvc.lock does not match params.yaml, dvc.yaml and the code; data may be missing.

    Raises:
        UserError: dvc.yaml has no stages.
    """
    with repo.lock:
        stages = list(repo.index.stages)
        stale = [stage.addressing for stage in stages if stage.changed(allow_missing=True)]
    if not stages:
        raise UserError("dvc.yaml has no stages: git restore dvc.yaml")
    recorded = (read_now("dvc.lock") or {}).get("stages", {})
    return stale + [name for name in recorded if name not in {stage.addressing for stage in stages}]


def count_missing(repo: Repo) -> int:
    """Count the results that are not in the cache here."""
    return len(repo.data_status()["not_in_cache"])


def read_then(commit: str, path: str) -> dict[str, Any] | None:
    """Read a JSON or YAML file of this folder as Git has it at a commit; None if it was not there."""
    done = ask("git", "cat-file", "blob", f"{commit}:./{path}")  # without ./, from the top of the repository
    return None if done.returncode else _parse(done.stdout, path)


def read_now(path: str) -> dict[str, Any] | None:
    """Read a JSON or YAML file as it is in the workspace; None if it is not there."""
    file = Path(path)
    return _parse(file.read_text(encoding="utf-8"), path) if file.is_file() else None


def changed_figures(commit: str) -> dict[str, tuple[bool, bool]]:
    """Find the pictures that stages leave in Git whose bytes differ from those at a commit.

    Returns:
        By path, whether it was there then and whether it is there now.
    """
    pictures = (":(glob)stages/**/*.png",)
    lines = git("diff", "--relative", "--no-renames", "--name-status", "-z", commit, "--", *pictures).split("\0")[:-1]
    return {path: (status != "A", status != "D") for status, path in zip(lines[::2], lines[1::2], strict=True)}


def _parse(text: str, path: str) -> dict[str, Any]:
    return dict(json.loads(text) if path.endswith(".json") else read_yaml(text))

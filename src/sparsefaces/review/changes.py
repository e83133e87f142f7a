"""What a reviewer needs to know of a change, as Markdown: DVC's own tables, and what DVC does not know."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import read_yaml

METRICS, CLAIMS = "stages/analyze/metrics.json", "stages/analyze/claims.json"
FACES = "stages/fetch/provenance.json"


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
                f"{name} holds both sides of a merge (<<<<<<<): decide params.yaml and dvc.yaml by hand, then "
                "git restore --source HEAD --staged --worktree dvc.lock stages && dvc repro"
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


def review(base: str, stale: Sequence[str]) -> str:
    """Compare the last commit with the one at which this branch left a base.

    Args:
        base: A branch or commit.
        stale: Stages that dvc.lock does not match.

    Raises:
        UserError: `base` names nothing, or Git or DVC fails.
    """
    then = run("git", "merge-base", base, "HEAD")
    faces, claims = ([read_at(commit, path) for commit in (then, "HEAD")] for path in (FACES, CLAIMS))
    parts = [f"## What changed since `{base}`"]
    if stale:
        parts.append(f"> **dvc.lock is out of sync** ({', '.join(stale)}): run `dvc repro` and commit what it changes.")
    parts += _alerts(*faces)
    parts += ["### Parameters", dvc("params", "diff", then, "HEAD", "--md")]
    parts += ["### Metrics", dvc("metrics", "diff", then, "HEAD", "--md", "--targets", METRICS)]
    parts += ["### Claims whose verdict changed", *_verdicts(*claims)]
    return "\n\n".join([*parts, "### Figures", *_figures(then)])


def _alerts(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if now.get("fallback_reason"):
        yield f"> **These are not the {now['wanted']} faces**, but {now['source']}: {now['fallback_reason']}."
    if then.get("sha256") != now.get("sha256"):
        yield f"> **The faces are others** ({then.get('source')} then, {now.get('source')} now): so are all metrics."


def _verdicts(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    before = {(one["claim"], one["measure"]): one["verdict"] for one in then.get("claims", [])}
    for one in now.get("claims", []):
        old = before.get((one["claim"], one["measure"]), "not made")
        if old != one["verdict"]:
            yield f"- {one['claim']} ({one['measure']}): {old} → **{one['verdict']}**, interval {one['interval']}"


def _figures(then: str) -> Iterator[str]:
    raw = f"{os.environ.get('GITHUB_SERVER_URL')}/{os.environ.get('GITHUB_REPOSITORY')}/raw"
    now, on_github = run("git", "rev-parse", "HEAD"), "GITHUB_REPOSITORY" in os.environ
    for path in run("git", "diff", "--name-only", then, "HEAD", "--", ":(glob)stages/**/*.png").splitlines():
        pictures = f"\n\n| before | now |\n|---|---|\n| ![]({raw}/{then}/{path}) | ![]({raw}/{now}/{path}) |"
        yield f"`{path}`{pictures if on_github else ''}"

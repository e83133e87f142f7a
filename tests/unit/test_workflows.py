"""What runs on GitHub: steps that are the Makefile's targets, and the comment on a pull request."""

import shutil
import subprocess

import pytest
import yaml
from projects import ROOT

from sparsefaces.base.params import Params

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_workflows__only_the_comment_may_write_and_it_runs_no_pull_requests_code():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        granted = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
        write = {scope for permissions in granted for scope, access in permissions.items() if access == "write"}
        assert write == ({"pull-requests"} if path.stem == "comment" else set())
    comment = next(path for path in WORKFLOWS if path.stem == "comment")
    (job,) = yaml.safe_load(comment.read_text())["jobs"].values()
    assert [step["with"] for step in job["steps"] if "uses" in step] == [{"persist-credentials": False}]  # no `ref`


@pytest.fixture
def commented(tmp_path, monkeypatch):
    """Runs tools/comment.sh beside a `gh` that has a review to download, and returns what it was asked to post."""
    posted = tmp_path / "posted"
    (tmp_path / "gh").write_text(
        "#!/usr/bin/env bash\n"
        f'if [ "$1 $2" = "run download" ]; then cp "{tmp_path}/review.md" "${{@: -1}}"; exit; fi\n'
        f'echo "$@" > "{posted}"; cat "${{@: -1}}" >> "{posted}"\n'
    )
    (tmp_path / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name, value in {"GITHUB_REPOSITORY": "ada/faces", "RUN_ID": "7", "HEAD": "bob:half-lambda"}.items():
        monkeypatch.setenv(name, value)

    def comment(review):
        if review is not None:
            (tmp_path / "review.md").write_text(review)
        done = subprocess.run([ROOT / "tools/comment.sh"], capture_output=True, text=True, check=True)
        return posted.read_text() if posted.exists() else done.stdout

    return comment


def test_comment__puts_the_review_on_the_pull_request_in_place_of_the_last(commented):
    command, *text = commented("## What changed\n$(touch harm)\n").splitlines()
    assert command.startswith("pr comment bob:half-lambda --repo ada/faces --edit-last --create-if-none --body-file ")
    assert text == ["## What changed", "$(touch harm)"]


@pytest.mark.parametrize("review", ["", None])
def test_comment__without_a_review_posts_nothing_and_says_so(commented, review):
    assert commented(review) == "run 7 left no review: nothing to comment\n"


def test_preview__runs_what_is_committed_in_a_clone_and_leaves_one_file(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/dvc").write_text(
        '#!/bin/sh\nmkdir -p stages/analyze; echo "$@" "${MLFLOW_TRACKING_URI-}" > stages/analyze/report.html\n'
    )
    (tmp_path / "bin/dvc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ours.example.org")
    project = tmp_path / "large" / "faces"
    (project / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools/preview.sh", project / "tools")

    def git(*arguments):
        command = ["git", "-C", project, "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    git("init", "-q", tmp_path / "large")
    git("add", "-A")
    git("commit", "-qm", "start")
    subprocess.run([project / "tools/preview.sh"], check=True)
    made = (project / "report-orl.html").read_text().split()
    changes = dict(setting.split("=") for setting in made[2:] if setting != "--set-param")
    assert made[:2] == ["exp", "run"]
    assert changes == {"fetch.source": "orl", "train.iterations": "1001"}
    for section, _, key in (name.partition(".") for name in changes):
        assert key in Params.model_fields[section].annotation.model_fields
    assert git("status", "--porcelain").split() == ["??", "faces/report-orl.html"]

"""What runs on GitHub: steps that are the Makefile's targets, and the comment on a pull request."""

import re
import shutil
import subprocess

import pytest
import yaml
from projects import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(kind):
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            yield from (step[kind] for step in job["steps"] if kind in step)


def test_workflows__run_targets_of_the_makefile_and_nothing_else():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    run = [re.fullmatch(r"make (?:--silent )?([a-z]+)( \| tee .*)?", command) for command in steps("run")]
    assert all(run)
    named = {"setup", "lint", "test", "coverage", "browser", "review", "preview", "comment", "audit"}
    assert {match[1] for match in run} == named <= {*targets}


def test_workflows__actions_are_pinned_by_commit_with_their_version():
    lines = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert len(lines) == len(list(steps("uses")))
    assert [line for line in lines if not re.search(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_workflows__only_the_comment_may_write_and_it_runs_no_pull_requests_code():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        granted = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
        write = {scope for permissions in granted for scope, access in permissions.items() if access == "write"}
        assert write == ({"pull-requests"} if path.stem == "comment" else set())
    comment = next(path for path in WORKFLOWS if path.stem == "comment")
    (job,) = yaml.safe_load(comment.read_text())["jobs"].values()
    assert [step["with"] for step in job["steps"] if "uses" in step] == [{"persist-credentials": False}]  # no `ref`


def test_workflows__pass_actionlint():
    actionlint = shutil.which("actionlint")
    if actionlint is None:
        pytest.skip("no actionlint, which is optional: make lint checks GitHub's schema and zizmor's rules")
    done = subprocess.run([actionlint, *WORKFLOWS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


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
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert made[:2] == ["exp", "run"]
    assert changes == {"fetch.source": "orl", "train.iterations": "1001"}
    assert all(key in values[section] for section, _, key in (name.partition(".") for name in changes))
    assert git("status", "--porcelain").split() == ["??", "faces/report-orl.html"]

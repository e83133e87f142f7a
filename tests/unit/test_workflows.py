"""What runs on GitHub, and what a pull request may show: a report made of it in a clone."""

import shutil
import subprocess

import yaml
from projects import ROOT

from sparsefaces.base.params import FetchParams, TrainParams

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


WRITES = {"comment": {"pull-requests"}, "pages": {"pages", "id-token"}}


def test_workflows__only_the_comment_and_the_page_may_write_and_they_run_no_code_of_a_pull_request():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        granted = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
        write = {scope for permissions in granted for scope, access in permissions.items() if access == "write"}
        assert write == WRITES.get(path.stem, set())
    (job,) = yaml.safe_load((ROOT / ".github/workflows/comment.yml").read_text())["jobs"].values()
    assert not any("uses" in step for step in job["steps"])  # nothing is checked out
    pages = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text())
    assert pages[True] == {  # YAML's "on"
        "push": {"branches": ["main"], "paths": ["examples/report.html", ".github/workflows/pages.yml"]},
        "workflow_dispatch": None,
    }
    assert [step["run"].split()[0] for step in pages["jobs"]["pages"]["steps"] if "run" in step] == ["install"]


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
    made = (project / "report-orl.html").read_text()
    assert made == "exp run --set-param fetch.source=orl --set-param train.iterations=1001 \n"
    assert "source" in FetchParams.model_fields
    assert "iterations" in TrainParams.model_fields
    assert git("status", "--porcelain").split() == ["??", "faces/report-orl.html"]

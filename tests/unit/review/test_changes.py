"""The review of a small pipeline's changes."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from samples import claim

from sparsefaces.base.errors import UserError
from sparsefaces.review.changes import review, stale_stages

DVC_YAML = "{stages: {train: {cmd: make, params: [train], outs: [data]}}, metrics: [stages/analyze/metrics.json]}"
LOCKED = "cmd: make, params: {params.yaml: {train: {rate: 0.1}}}, outs: [{path: data, hash: md5, md5: abc, size: 2}]"
DVC_LOCK = "{schema: '2.0', stages: {train: {%s}}}"
FACES = {"source": "lfw", "wanted": "lfw", "sha256": "a", "fallback_reason": None}
ANALYZE = Path("stages/analyze")


@pytest.fixture
def pipeline(git):
    """Results that are committed, in sync with the parameters, without the data; returns Git."""
    ANALYZE.mkdir(parents=True)
    write(0.1, 2.5, FACES, {"local": "holds", "sparser": "holds"}, b"1")
    Path("dvc.yaml").write_text(DVC_YAML)
    Path("dvc.lock").write_text(DVC_LOCK % LOCKED)
    git("add", "-A")
    git("commit", "-qm", "results")
    git("switch", "-qc", "branch")
    return git


def write(rate, error, faces, verdicts, figure):
    """Leave what a run of the pipeline would."""
    Path("params.yaml").write_text(f"train:\n  rate: {rate}\n")
    (ANALYZE / "metrics.json").write_text(json.dumps({"rec": error}))
    (ANALYZE / "claims.json").write_text(json.dumps({"claims": [claim(*one) for one in verdicts.items()]}))
    (ANALYZE / "curves.png").write_bytes(figure)
    Path("stages/fetch").mkdir(exist_ok=True)
    Path("stages/fetch/provenance.json").write_text(json.dumps(faces))


def test_review__against_what_is_no_commit_says_so(pipeline):
    with pytest.raises(UserError, match="`git merge-base another HEAD` failed: .*another"):
        review("another", [])


def test_review__names_all_that_differs_from_where_the_branch_began(pipeline, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "us/faces")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    orl = {"source": "orl", "wanted": "lfw", "sha256": "b", "fallback_reason": "no network"}
    write(0.2, 3.5, orl, {"local": "not decided", "sparser": "holds", "new": "holds"}, b"2")
    pipeline("commit", "-qam", "other results")
    then, now = pipeline("rev-parse", "main"), pipeline("rev-parse", "HEAD")
    parts = review("main", ["train"]).split("\n\n")
    assert [part for part in parts if part.startswith(">")] == [
        "> **dvc.lock is out of sync** (train): run `dvc repro` and commit what it changes.",
        "> **These are not the lfw faces**, but orl: no network.",
        "> **The faces are others** (lfw then, orl now): so are all metrics.",
    ]
    tables = [[cell.strip() for cell in part.splitlines()[-1].strip("|").split("|")] for part in parts if "\n" in part]
    assert tables[0] == ["params.yaml", "train.rate", "0.1", "0.2"]
    assert tables[1] == ["stages/analyze/metrics.json", "rec", "2.5", "3.5", "1.0"]
    assert parts[parts.index("### Claims whose verdict changed") + 1 : -3] == [
        "- local (effective area): holds → **not decided**, interval [-0.12, -0.08]",
        "- new (effective area): not made → **holds**, interval [-0.12, -0.08]",
    ]
    assert parts[-2] == "`stages/analyze/curves.png`"
    raw = "https://github.com/us/faces/raw"
    pictures = [f"![]({raw}/{commit}/stages/analyze/curves.png)" for commit in (then, now)]
    assert parts[-1].splitlines()[-1] == "| {} | {} |".format(*pictures)


def test_review__metric_that_is_no_number_any_more_is_shown(pipeline):
    (ANALYZE / "metrics.json").write_text('{"rec": null}')
    pipeline("commit", "-qam", "infinite")
    assert "| rec | 2.5 | - | - |" in " ".join(review("main", []).split())


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", "dvc.lock"])
def test_stale_stages__both_sides_of_a_merge_are_told_with_commands_that_work(pipeline, name):
    for branch, rate in (("branch", 0.2), ("main", 0.3)):
        pipeline("switch", "-q", branch)
        for file in map(Path, ("params.yaml", "dvc.lock")):
            file.write_text(file.read_text().replace("rate: 0.1", f"rate: {rate}"))
        Path("dvc.yaml").write_text(DVC_YAML.replace("make", f"make {rate}"))
        pipeline("commit", "-qam", branch)
    with pytest.raises(subprocess.CalledProcessError):
        pipeline("merge", "branch")
    for other in {"params.yaml", "dvc.yaml", "dvc.lock"} - {name}:
        pipeline("checkout", "--ours", other)
    with pytest.raises(UserError, match=f"{name} holds both sides of a merge") as error:
        stale_stages()
    for file in ("params.yaml", "dvc.yaml"):  # as if by hand
        pipeline("checkout", "--ours", file)
    command = re.search("git (restore .*) && dvc repro", str(error.value))[1]
    pipeline(*command.split())
    assert stale_stages() == ["train"]
    assert not pipeline("diff", "--name-only", "--diff-filter=U", "--", "dvc.lock", "stages")


def test_stale_stages__are_those_that_dvc_would_run_though_the_data_is_not_here(pipeline):
    assert stale_stages() == []
    Path("params.yaml").write_text("train:\n  rate: 0.3\n")
    assert stale_stages() == ["train"]
    Path("dvc.yaml").write_text("stages: [")
    with pytest.raises(UserError, match="`dvc repro --dry` failed"):
        stale_stages()

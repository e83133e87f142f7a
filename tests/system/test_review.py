"""A pull request, rehearsed: a change is made, run and committed, and the review says what happened."""

import json

import pytest
from projects import Project
from samples import claim

FIGURES = ("curves", "decoder", "rate_distortion", "rates", "reconstructions", "sparsity")


@pytest.fixture(scope="module")
def rehearsed(finished, tmp_path_factory):
    """A branch with two parameters changed, its run committed; tests read it and leave it as it is."""
    project = finished.copy(tmp_path_factory.mktemp("rehearsed") / "project")
    project.run("git", "switch", "-qc", "half-lambda")
    project.set_params({"train": {"hidden_units": 16}, "train_sparse": {"lambda": 0.5}})
    project.output = project.run("dvc", "repro")
    project.run("git", "commit", "-qam", "Half of lambda, 16 units")
    project.review = project.run("python", "src/review.py", "main")
    return project


@pytest.fixture
def cloned(rehearsed, tmp_path):
    """A clone of the branch, as a reviewer or a CI job has it: no data, no cache."""
    rehearsed.run("git", "clone", "-q", str(rehearsed.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.run("git", "branch", "main", "origin/main")
    return clone


def table(review, title):
    """The cells of one of the review's tables, a list a row."""
    section = review.split(f"### {title}\n")[1].split("###")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_review__says_what_ran_and_why_and_what_differs(rehearsed):
    rows = table(rehearsed.review, "Stages")
    assert [row[:2] for row in rows] == [
        ["train_dense", "params"],
        ["train_sparse", "params"],
        ["analyze", "params, train_dense, train_sparse"],
    ]
    assert rows[0][2] == "history.csv, metrics.json, model.safetensors"
    assert table(rehearsed.review, "Parameters") == [
        ["`train.hidden_units`", "12", "16"],
        ["`train_sparse.lambda`", "1.0", "0.5"],
    ]
    listed = [line for line in rehearsed.review.splitlines() if line.startswith("- `stages/")]
    assert listed == [f"- `stages/analyze/{name}.png`" for name in FIGURES]


def test_review__shows_each_metric_that_differs_and_which_way_is_better(rehearsed):
    path = "stages/analyze/metrics.json"
    old, new = (json.loads(rehearsed.run("git", "show", f"{rev}:{path}")) for rev in ("main", "half-lambda"))
    rows = {row[0].strip("`"): row[1:] for row in table(rehearsed.review, "Metrics")}
    models = ("dense", "sparse")
    assert set(rows) == {name for model in models for name in old[model] if old[model][name] != new[model][name]}
    for model, cell in zip(models, rows["rec"][1:], strict=True):
        before, now = old[model]["rec"], new[model]["rec"]
        assert cell == f"{before:.5g} → {now:.5g} ({now - before:+.4g}, {'better' if now < before else 'worse'})"


@pytest.fixture
def inside(rehearsed, tmp_path):
    """The branch's two commits in a subfolder of a larger repository, with something staged outside."""
    outer = Project(tmp_path / "outer")
    outer.folder.mkdir()
    outer.run("git", "init", "-q", "-b", "main")
    outer.run("git", "fetch", "-q", str(rehearsed.folder), "main", "half-lambda:half")
    for source, branch in (("FETCH_HEAD", "main"), ("half", "half-lambda")):
        if branch != "main":
            outer.run("git", "switch", "-qc", branch)
            outer.run("git", "rm", "-qr", "wide papers/façade")
        outer.run("git", "read-tree", "--prefix=wide papers/façade/", "-u", source)
        outer.run("git", "commit", "-qm", branch)
    (outer.folder / "outside").write_text("")
    outer.run("git", "add", "outside")
    project = Project(outer.folder / "wide papers/façade")
    project.commits = [outer.run("git", "rev-parse", branch).strip() for branch in ("main", "half-lambda")]
    return project


def test_review__of_a_clone_without_data_and_in_a_subfolder_of_a_larger_repository_says_the_same(
    rehearsed, cloned, inside
):
    ours = cloned.run("python", "src/review.py", "main")
    absent = "8 large results are not in the cache here; everything below is from Git.\n"
    assert absent in ours
    assert ours.replace(absent, "") == rehearsed.review
    assert "dvc.lock is in sync" in ours
    theirs = inside.run("python", "src/review.py", "main")
    for then, now in zip(cloned.run("git", "rev-parse", "main", "half-lambda").split(), inside.commits, strict=True):
        ours = ours.replace(then[:7], now[:7])
    assert theirs == ours
    shown = inside.run("python", "src/review.py", "main", GITHUB_REPOSITORY="ada/faces")
    for commit in inside.commits:
        for name in FIGURES:
            assert f"/ada/faces/raw/{commit}/wide%20papers/fa%C3%A7ade/stages/analyze/{name}.png)" in shown


def test_review__out_of_sync_is_said_and_has_an_exit_code_of_its_own(cloned):
    cloned.set_params({"train_sparse": {"lambda": 0.7}})
    review = cloned.run("python", "src/review.py", "main", code=3)
    assert "**dvc.lock is out of sync**" in review
    assert review.splitlines()[-1].startswith("dvc.lock is out of sync: train_sparse")
    assert ["`train_sparse.lambda`", "1.0", "0.7"] in table(review, "Parameters")
    cloned.run("git", "restore", "params.yaml")
    cloned.run("python", "src/check.py", "lock")
    metrics = cloned.path("train_sparse/metrics.json")
    metrics.write_text(metrics.read_text().replace("1", "2", 1))
    assert "train_sparse" in cloned.run("python", "src/check.py", "lock", code=1)
    (cloned.folder / "dvc.lock").write_text("")
    output = cloned.run("python", "src/check.py", "lock", code=1)
    assert "DVC failed: './dvc.lock' validation failed" in output
    assert "Traceback" not in output


def test_review__of_a_folder_that_is_anothers_is_refused_in_gits_words(cloned):
    output = cloned.run("python", "src/review.py", "main", code=1, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert "safe.directory" in output
    assert "names no commit" not in output


def test_claims__are_read_at_both_commits(cloned):
    path = cloned.path("analyze/claims.json")
    for branch, verdict in (("main", "holds"), ("half-lambda", "does not hold")):
        cloned.run("git", "switch", "-q", branch)
        path.write_text(json.dumps({"claims": [claim("a | b", verdict)]}))
        cloned.commit("claims")
    review = cloned.run("python", "src/review.py", "main~0", code=3)  # the lock knows of no such claims
    # The branch left main before main's claim: for the branch, the claim is new.
    assert "| a \\| b (effective area) | not made | **does not hold** |" in review

"""The review of a small pipeline's changes."""

import pytest
from samples import claim

from sparsefaces.base.errors import UserError
from sparsefaces.review.page import review


def cells(page):
    """List the tables' rows by their first cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows}


def sums_up(page):
    return page.splitlines()[0].strip("*")


def of_sparse(explained_variance=0.8, **others):
    return {"explained_variance": explained_variance, "l0": 100.0} | others


def test_review__against_what_is_no_commit_says_so(pipeline):
    with pytest.raises(UserError, match="`git merge-base another HEAD` failed: .*another"):
        review("another", [])


def test_review__sums_up_and_names_all_that_differs_from_where_the_branch_began(pipeline, leave, monkeypatch):
    variables = {"SERVER_URL": "https://github.com", "REPOSITORY": "us/faces", "RUN_ID": "12"}
    for name, value in variables.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    orl = {"source": "orl", "wanted": "lfw", "sha256": "b", "fallback_reason": "no network"}
    claims = [claim("local", "not decided"), claim("sparser", "holds"), claim("new", "holds")]
    now = leave(rate=0.2, faces=orl, claims=claims, figure=b"2", sparse=of_sparse(0.75, l0=90))
    then = pipeline("rev-parse", "main")
    page = review("main", ["train"])
    assert sums_up(page) == (
        "train.rate 0.1 to 0.2: explained variance 80.00% to 75.00%, active units per face (L0) 100.0 to 90.0 "
        "(sparse); 2 of 3 verdicts changed"
    )
    parts = page.split("\n\n")
    assert [part for part in parts if part.startswith(">")] == [
        "> **These are not the LFW faces**, but ORL: no network.",
        "> **The faces are others** (lfw then, orl now): no metric compares.",
        "> **dvc.lock is out of sync** (train): run `dvc repro` and commit what it changes.",
    ]
    assert f"Compared with {then[:7]}, where this branch left `main`." in parts
    run = "https://github.com/us/faces/actions/runs/12"
    assert f"[This run of the workflow]({run}) has [a report on the ORL faces]({run}#artifacts)." in parts
    assert cells(page)["explained variance ↑"] == ["80.00% → 75.00%"]
    assert parts[parts.index("### Claims whose verdict changed") + 1 : -3] == [
        "- local (effective area): holds → **not decided**, interval [-0.12, -0.08]",
        "- new (effective area): not made → **holds**, interval [-0.12, -0.08]",
    ]
    assert parts[-2] == "`stages/analyze/curves.png`"
    raw = "https://github.com/us/faces/raw"
    pictures = [f"{raw}/{commit}/stages/analyze/curves.png" for commit in (then, now)]
    assert parts[-1].splitlines()[-1] == "| ![before]({}) | ![now]({}) |".format(*pictures)


def test_review__without_a_change_has_no_empty_sections_and_away_from_github_no_addresses(pipeline, leave):
    leave(figure=b"2")
    page = review("main", [])
    assert sums_up(page) == "No parameter changed: 0 of 2 verdicts changed"
    assert [line for line in page.splitlines() if line.startswith("#")] == ["### Figures"]
    assert "http" not in page


def test_review__has_a_column_of_each_model_that_changed_came_or_went(pipeline, leave):
    leave(sparse=of_sparse(0.75), third=of_sparse(None))
    page = review("main", [])
    assert cells(page)["metric (↑ more, ↓ less is better)"] == ["sparse", "third"]
    assert cells(page)["explained variance ↑"] == ["80.00% → 75.00%", "none"]
    assert cells(page)["active units per face (L0) ↓"] == ["100.0", "none → 100.0"]
    assert [part.rpartition(" ")[2] for part in sums_up(page).split("; ")[:-1]] == ["(sparse)", "(third)"]


def test_review__tells_the_verdicts_of_several_models_on_one_claim_apart(pipeline, leave):
    sparse = claim("costly", "holds")
    claims = [sparse, {"third" if key == "sparse" else key: value for key, value in sparse.items()}]
    pipeline("switch", "-q", "main")
    leave(claims=claims)
    pipeline("switch", "-qC", "branch")
    leave(claims=[claims[0] | {"verdict": "not decided"}, claims[1]])
    assert sums_up(review("main", [])).endswith("1 of 2 verdicts changed")


def test_review__calls_a_change_better_or_worse_if_it_exceeds_the_spread_over_seeds(pipeline, leave):
    fit, active = "explained variance ↑", "active units per face (L0) ↓"
    before = pipeline("rev-parse", "main")
    for seed, explained_variance, l0 in ((2, 0.81, 140.0), (3, 0.79, 60.0)):
        found = leave(sparse=of_sparse(explained_variance, l0=l0))
        pipeline("update-ref", f"refs/exps/{before[:2]}/{before[2:]}/seed-{seed}", found)
    pipeline("switch", "-q", "main")
    leave(figure=b"2")  # a later commit with the same results
    pipeline("switch", "-qC", "branch")
    leave(sparse=of_sparse(0.85, l0=130.0))
    rows = cells(review("main", []))
    assert rows[fit] == ["80.00% → 85.00%, **better**"]
    assert rows[active] == ["100.0 → 130.0, within the spread over seeds"]
    leave(sparse=of_sparse(0.75, l0=52.0))
    rows = cells(review("main", []))
    assert (rows[fit], rows[active]) == (["80.00% → 75.00%, **worse**"], ["100.0 → 52.0, **better**"])
    pipeline("switch", "-qC", "main")
    pipeline("switch", "-qC", "branch")
    leave(sparse=of_sparse(0.5, l0=30.0))
    assert cells(review("main", []))[fit] == ["75.00% → 50.00%"]  # the seeds are of other results

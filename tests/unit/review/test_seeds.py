"""The claims over several seeds: read from DVC's experiments, judged together."""

import json
from pathlib import Path

import pytest
import yaml

from sparsefaces.base.errors import UserError
from sparsefaces.review.seeds import choose, claims_by_seed, format_claims, over_all


def claim(difference, verdict, measure="Gini index"):
    interval = [difference - 0.01, difference + 0.01]
    numbers = {"dense": 0.5, "sparse": 0.5 + difference, "difference": difference, "interval": interval}
    return {"claim": "Sparse.", "measure": measure, "verdict": verdict} | numbers


def commit(git, seed, *, rate=0.1, threads=1, faces="abc", code="def", difference=0.25):
    """Commit what a pipeline leaves; return the commit."""
    values = {"train": {"seed": seed, "learning_rate": rate}, "machine": {"threads": threads}}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    deps = [{"path": "src/train.py", "md5": code}, {"path": "stages/standardize/X.npy", "md5": faces}]
    stages = {"standardize": {"outs": [{"md5": faces}]}, "train_dense": {"deps": deps}}
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    path = Path("stages/analyze/claims.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"claims": [claim(difference, "holds")]}))
    git("add", "-A")
    git("commit", "-qm", "results", "--allow-empty")
    return git("rev-parse", "HEAD")


@pytest.mark.parametrize("missing", ["stages/analyze/claims.json", "dvc.lock", "params.yaml"])
def test_claims_by_seed__commit_without_results_says_what_to_do(git, missing):
    commit(git, 1)
    git("rm", "-q", missing)
    git("commit", "-qm", "none")
    with pytest.raises(UserError, match=r"claims\.json: make repro, then commit"):
        claims_by_seed()


def test_claims_by_seed__are_the_commits_and_those_of_experiments_that_differ_in_the_seed_alone(git):
    baseline = commit(git, 7)
    for name, changes in {
        "seed-2": {"seed": 2, "difference": 0.5, "threads": 2},
        "other-rate": {"seed": 3, "rate": 0.2},
        "other-faces": {"seed": 4, "faces": "xyz"},
        "other-code": {"seed": 5, "code": "xyz"},
        "same": {"seed": 7, "difference": 0.75},
        "seed-a": {"seed": 1, "difference": 0.125},
    }.items():
        found = commit(git, **changes)
        git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", found)
        git("reset", "-q", "--hard", baseline)
    claims = claims_by_seed()
    assert {seed: rows[0]["difference"] for seed, rows in claims.items()} == {7: 0.25, 1: 0.125, 2: 0.5}
    assert list(claims) == [7, 1, 2]  # the commit's own first
    assert list(choose(claims, "2,7")) == list(choose(claims, "2")) == [7, 2]
    with pytest.raises(UserError, match="no claims of seed 3, 5 with this code"):
        choose(claims, "2,3,5")
    with pytest.raises(UserError, match="name whole numbers"):
        choose(claims, "two")


def test_format_claims__claim_holds_only_with_every_seed_and_each_other_verdict_is_counted():
    claims = {1: [claim(0.25, "holds"), claim(0.25, "holds", "PSNR")]}
    claims[5] = [claim(-0.125, "does not hold"), claim(0.5, "holds", "PSNR")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in format_claims(claims).splitlines()[2:]]
    assert [row[0] for row in rows] == ["**Sparse.**", "Gini index", "PSNR"]
    assert [row[-1] for row in rows] == ["", "holds with 1, does not hold with 1 of 2 seeds", "holds"]
    shown = [cell.replace("\N{MINUS SIGN}", "-") for cell in rows[1][1:-1]]
    assert shown == ["0.500", "0.750", "+0.250 [+0.240, +0.260]", "-0.125 [-0.135, -0.115]"]


def test_format_claims__without_a_value_says_none():
    nothing = claim(0.25, "not decided") | {"dense": None, "difference": None, "interval": None}
    row = [cell.strip() for cell in format_claims({1: [nothing]}).splitlines()[-1].split("|")[2:-1]]
    assert row == ["none", "0.750", "none", "not decided"]


def test_over_all__counts_verdicts_in_one_order():
    verdicts = ["not decided", "holds", "does not hold", "not decided", "holds"]
    assert over_all(verdicts) == "holds with 2, does not hold with 1, not decided with 2 of 5 seeds"
    assert over_all(["does not hold", "does not hold"]) == "does not hold"

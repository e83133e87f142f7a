"""The claims over several seeds: read from DVC's experiments, judged together."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import yaml

from sparsefaces.base.errors import UserError
from sparsefaces.review import seeds
from sparsefaces.review.seeds import Result, choose, format_claims, format_stability, over_all, results_by_seed


def claim(difference, verdict, measure="Gini index"):
    interval = [difference - 0.01, difference + 0.01]
    numbers = {"dense": 0.5, "sparse": 0.5 + difference, "difference": difference, "interval": interval}
    return {"claim": "Sparse.", "measure": measure, "verdict": verdict} | numbers


def results_of(claims):
    return {seed: Result("HEAD", seed, rows, None) for seed, rows in claims.items()}


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
def test_results_by_seed__commit_without_results_says_what_to_do(git, missing):
    commit(git, 1)
    git("rm", "-q", missing)
    git("commit", "-qm", "none")
    with pytest.raises(UserError, match=r"claims\.json: make repro, then commit"):
        results_by_seed()


def test_results_by_seed__are_the_commits_and_those_of_experiments_that_differ_in_the_seed_alone(git):
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
    results = results_by_seed()
    assert {seed: result.claims[0]["difference"] for seed, result in results.items()} == {7: 0.25, 1: 0.125, 2: 0.5}
    assert list(results) == [7, 1, 2]  # the commit's own first
    assert list(choose(results, "2,7")) == list(choose(results, "2")) == [7, 2]
    with pytest.raises(UserError, match="no claims of seed 3, 5 with this code"):
        choose(results, "2,3,5")
    with pytest.raises(UserError, match="name whole numbers"):
        choose(results, "two")


def test_format_claims__claim_holds_only_with_every_seed_and_each_other_verdict_is_counted():
    claims = {1: [claim(0.25, "holds"), claim(0.25, "holds", "PSNR")]}
    claims[5] = [claim(-0.125, "does not hold"), claim(0.5, "holds", "PSNR")]
    lines = format_claims(results_of(claims)).splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert [row[0] for row in rows] == ["**Sparse.**", "Gini index", "PSNR"]
    assert [row[-1] for row in rows] == ["", "holds with 1, does not hold with 1 of 2 seeds", "holds"]
    shown = [cell.replace("\N{MINUS SIGN}", "-") for cell in rows[1][1:-1]]
    # The mean of +0.25 and -0.125, and their deviation from it; the interval is the first seed's.
    assert shown == ["0.500", "0.562", "+0.0625 ± 0.27", "[+0.240, +0.260]"]
    assert "interval, seed 1 " in lines[0]
    (alone,) = [line for line in format_claims(results_of({1: [claim(0.25, "holds")]})).splitlines() if "Gini" in line]
    assert "| +0.250 " in alone


def test_format_claims__without_a_value_says_none():
    nothing = claim(0.25, "not decided") | {"dense": None, "difference": None, "interval": None}
    row = [cell.strip() for cell in format_claims(results_of({1: [nothing]})).splitlines()[-1].split("|")[2:-1]]
    assert row == ["none", "0.750", "none", "none", "not decided"]


def test_format_stability__compares_each_two_seeds_and_says_nothing_of_one(monkeypatch):
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.standard_normal((9, 40)), axis=1).astype(np.float32)
    content = {"1": smooth, "2": -2 * smooth[::-1], "3": rng.standard_normal((9, 40)).astype(np.float32)}

    def read(path, rev, mode):
        assert (path, mode) == ("stages/train_sparse/model.safetensors", "rb")
        return safetensors.numpy.save({"W": np.ascontiguousarray(content[rev])})

    monkeypatch.setattr(seeds, "read", read)
    results = {seed: Result(str(seed), seed, [], None) for seed in (1, 2, 3)}
    *_, row = format_stability(results, ["sparse"]).splitlines()
    name, similarity, spread, null = (cell.strip() for cell in row.split("|")[1:-1])
    assert (name, spread[-5:]) == ("sparse", "1.000")  # seed 2 has seed 1's filters
    assert float(spread[:5]) < float(similarity) < 1
    assert 0 < float(null) < 1
    assert format_stability({1: results[1]}, ["sparse"]) == ""


def test_over_all__counts_verdicts_in_one_order():
    verdicts = ["not decided", "holds", "does not hold", "not decided", "holds"]
    assert over_all(verdicts) == "holds with 2, does not hold with 1, not decided with 2 of 5 seeds"
    assert over_all(["does not hold", "does not hold"]) == "does not hold"

"""A pull request, rehearsed: what the review says of it, and whether dvc.lock is in sync."""

import json

from projects import Project
from samples import claim


def edit(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_review__names_what_changed_in_parameters_metrics_claims_and_figures(copied):
    analyze = copied.path("analyze")
    edit(analyze / "claims.json", lambda values: values.update(claims=[claim("sparse filters are smaller", "holds")]))
    copied.commit("a claim")
    copied.run("git", "switch", "-qc", "half-lambda")
    copied.set_params({"train": {"hidden_units": 16}, "train_sparse": {"lambda": 0.5}})
    edit(analyze / "claims.json", lambda values: values["claims"][0].update(verdict="does not hold"))
    edit(analyze / "metrics.json", lambda values: values["sparse"].update(l0=2.5))
    (analyze / "decoder.png").write_bytes((analyze / "curves.png").read_bytes())
    copied.commit("half of lambda, but its results made up")
    review = copied.run("python", "src/review.py", "main", code=3)
    assert "dvc.lock is out of sync" in review
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in review.splitlines() if "|" in line]
    assert ["params.yaml", "train.hidden_units", "12", "16"] in rows
    assert ["params.yaml", "train_sparse.lambda", "1.0", "0.5"] in rows
    (l0,) = (row for row in rows if "sparse.l0" in row)
    assert "2.5" in l0
    assert not [row for row in rows if "dense.l0" in row]
    assert "sparse filters are smaller (effective area): holds → **does not hold**" in review
    figures = [line for line in review.splitlines() if line.startswith("`stages/")]
    assert figures == ["`stages/analyze/decoder.png`"]


def test_review__of_a_clone_without_data_has_an_exit_code_for_dvc_lock_that_is_out_of_sync(finished, tmp_path):
    clone = Project(tmp_path / "clone")
    finished.run("git", "clone", "-q", str(finished.folder), str(clone.folder))
    assert "out of sync" not in clone.run("python", "src/review.py", "main")
    clone.set_params({"train_sparse": {"lambda": 0.7}})
    for script, argument, code in (("review.py", "main", 3), ("check.py", "lock", 1)):
        said = clone.run("python", f"src/{script}", argument, code=code)
        assert "dvc.lock is out of sync" in said
        assert "train_sparse" in said
        assert "train_dense" not in said

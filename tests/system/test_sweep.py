"""A sweep as a user types it: DVC's queue, two experiments at once, one store, one picture."""

import re
import shutil
from functools import cache

import pytest
import yaml
from gates import wait_until


def recommended(project):
    """Read the lines that `make sweep` gives, by the words that they begin with."""
    lines = project.run("tools/sweep.sh", LAMBDAS="1.0e-5", K="3", JOBS="2").splitlines()
    found = {}
    for line in lines[1:]:
        found.setdefault(re.search(r"(dvc|make) [a-z]+ ?[a-z]*", line)[0], []).append(line.partition(" #")[0])
    return {name: " && ".join(of_name) for name, of_name in found.items()}


@pytest.fixture(scope="module")
def swept(finished, tmp_path_factory):
    """A project after the recommended lines; tests read it and leave it as it is.

    It has images of its own, which experiments lack, and a lambda that DVC spells otherwise (1e-05).
    """
    project = finished.copy(tmp_path_factory.mktemp("swept") / "project")
    (project.folder / "faces" / "ada").mkdir()
    shutil.copy(project.path("fetch/faces.png"), project.folder / "faces" / "ada" / "1.png")
    project.lines = recommended(project)
    for name in ("dvc repro ", "dvc exp run", "dvc queue start"):
        project.run("bash", "-c", project.lines[name])
    wait_until(lambda: not re.search("Running|Queued", project.run("dvc", "queue", "status")))
    assert project.run("dvc", "queue", "status").count("Success") == 2
    project.run("dvc", "queue", "stop")
    return project


@pytest.fixture
def copy(swept, tmp_path):
    return swept.copy(tmp_path / "project")


@cache
def experiments(project):
    """Read the recommended table of experiments: lambda, k and measures by name."""
    lines = project.run("bash", "-c", project.lines["dvc exp show"]).split("\n")
    columns, _, *rows = [re.split(r" *\| *", line)[1:-1] for line in lines]
    named = (dict(zip(columns, row, strict=True)) for row in rows if row)
    return {
        re.sub(r".*\[|\]", "", row.pop("Experiment")): {key: float(value.strip("-") or 0) for key, value in row.items()}
        for row in named
    }


def by_model(project):
    """Name the experiments by lambda and k."""
    return {
        (row["train_sparse.lambda"], row["train_sparse.k"]): name
        for name, row in experiments(project).items()
        if name not in ("main", "workspace")
    }


def test_sweep__table_has_each_experiment_with_lambda_and_what_came_of_it(swept):
    table = experiments(swept)
    assert len(table) == 4  # the workspace, its commit and two experiments
    columns = {"train_sparse.lambda", "train_sparse.k", "sparse.l0", "sparse.bits", "sparse.explained_variance"}
    assert all(set(row) == columns for row in table.values())
    assert set(by_model(swept)) == {(1e-5, 0), (0, 3)}
    assert len({row["sparse.explained_variance"] for row in table.values()}) == 3


def test_sweep__runs_are_in_the_one_store_and_bear_the_experiments_names(swept):
    client, runs = swept.client, swept.runs("tags.dvc.experiment LIKE '%'")
    assert {run.info.status for run in runs} == {"FINISHED"}
    wanted = {(stage, name) for stage in ("train_sparse", "analyze") for name in by_model(swept).values()}
    assert {(run.data.tags["stage"], run.data.tags["dvc.experiment"]) for run in runs} == wanted
    for run in runs:
        if run.data.tags["stage"] == "train_sparse":
            lambd, k = float(run.data.params["lambda"]), run.data.params["k"]
            assert by_model(swept)[lambd, 0 if k == "None" else float(k)] == run.data.tags["dvc.experiment"]
    model = client.get_registered_model("sparsefaces")
    named = {alias: client.get_model_version_by_alias("sparsefaces", alias).tags for alias in model.aliases}
    assert {alias: (tags["lambda"], tags["k"]) for alias, tags in named.items()} == {
        "dense": ("0.0", "None"),
        "sparse": ("1.0", "None"),  # as in stages/, whatever the experiments trained
    }
    assert len(client.search_model_versions("name = 'sparsefaces' and tags.k = '3'")) == 1
    baseline = swept.run("git", "rev-parse", "HEAD").strip()
    assert {run.data.tags["dvc.baseline"] for run in runs} == {baseline}


def test_sweep__reruns_what_depends_on_the_model_and_fits_no_baseline_again(swept):
    for name in by_model(swept).values():
        output = swept.run("dvc", "queue", "logs", name)
        assert re.findall("Running stage '(.*)'", output) == ["train_sparse", "analyze"]
        assert not re.search(r"Fitting .* \(once", output)
        assert "warning" not in output
    assert not list((swept.folder / ".scratch/checkpoints").glob("*.npz"))  # no checkpoint is left


def test_sweep__apply_brings_an_experiment_back_whole(copy, swept):
    name = by_model(swept)[0, 3]
    apply = swept.lines["dvc exp apply"].replace("NAME", name)
    dvc_yaml = (copy.folder / "dvc.yaml").read_text()
    (copy.folder / "dvc.yaml").write_text(dvc_yaml + "# an edit\n")
    assert "dvc.yaml" in copy.run("bash", "-c", apply, code=1)
    assert (copy.folder / "dvc.yaml").read_text() == dvc_yaml + "# an edit\n"
    copy.run("git", "restore", ".")
    copy.run("bash", "-c", apply)
    assert yaml.safe_load((copy.folder / "params.yaml").read_text())["train_sparse"]["k"] == 3
    assert "up to date" in copy.run("dvc", "status")


def test_seeds__are_run_as_experiments_and_their_claims_put_into_the_table(copy):
    page = copy.folder / "docs" / "results.md"
    page.parent.mkdir()
    page.write_text("<!-- claims -->\n<!-- /claims -->\n")
    seeds = {"SEEDS": "1,2", "JOBS": "2"}  # the first is the commit's
    assert "error: the workspace differs from the last commit" in copy.run("tools/seeds.sh", code=1, **seeds)
    copy.run("git", "commit", "-qam", "Images of our own")
    copy.run("tools/seeds.sh", **seeds)
    assert "| difference, seed 1" in page.read_text()
    assert "| difference, seed 2" in page.read_text()
    again = copy.run("tools/seeds.sh", **seeds)
    assert re.findall("(seed . already|Running stage)", again.replace(":", "")) == ["seed 1 already", "seed 2 already"]


def test_tradeoff__draws_all_trainings_of_the_sweep(copy, swept):
    lines = copy.run("sh", "-c", "python src/tradeoff.py 2> /dev/null").splitlines()  # notices go to stderr
    shown = [re.match(r" *(.*\S) +1 ", line)[1] for line in lines[1:]]
    assert shown == ["lambda 0", "lambda 1e-05", "lambda 1", "top-k 3"]
    assert {line.split()[-1] for line in lines[1:]} >= set(by_model(swept).values())
    assert (copy.folder / "tradeoff.png").is_file()
    assert "tradeoff.png" not in copy.run("git", "status", "--porcelain")

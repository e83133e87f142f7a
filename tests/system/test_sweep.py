"""Experiments of DVC's, from its queue: their runs, their names, the claims' table, and one brought back."""

import yaml
from gates import wait_until


def test_experiment__of_the_queue_has_a_run_of_its_name_and_is_brought_back(copied):
    experiment = ("--name", "tiny", "-S", "train_sparse.lambda=1.0e-5", "-s", "train_sparse")
    copied.run("dvc", "exp", "run", "--queue", *experiment)
    worker = copied.start("dvc", "queue", "start")
    wait_until(lambda: [*(copied.folder / ".git/refs/exps").rglob("tiny")], worker)
    assert copied.run("dvc", "exp", "list", "--name-only").split() == ["tiny"]
    (tiny,) = copied.runs("tags.dvc.experiment = 'tiny'")
    assert (tiny.info.status, float(tiny.data.params["lambda"])) == ("FINISHED", 1e-5)
    assert tiny.data.tags["dvc.baseline"] == copied.run("git", "rev-parse", "HEAD").strip()
    # The alias stays with the model in stages/.
    (ours,) = copied.runs("tags.stage = 'train_sparse' and params.lambda = '1.0'")
    assert copied.client.get_model_version_by_alias("sparsefaces", "sparse").run_id == ours.info.run_id

    copied.run("dvc", "exp", "apply", "tiny")
    assert float(yaml.safe_load((copied.folder / "params.yaml").read_text())["train_sparse"]["lambda"]) == 1e-5
    assert "up to date" in copied.run("dvc", "status", "train_sparse")


def test_seeds__table_is_of_the_commits_own_seed(copied):
    assert "seed 1: already there" in copied.run("tools/seeds.sh", SEEDS="1", JOBS="1")
    assert "interval, seed 1 " in (copied.folder / "seeds.md").read_text()
    assert copied.run("git", "status", "--porcelain") == ""

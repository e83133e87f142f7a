"""Experiments of DVC's, in copies of the project as its queue makes them: their runs, and the claims' table."""


def test_experiment__has_a_run_of_its_name_in_the_projects_store(copied):
    experiment = ("--name", "tiny", "-S", "train_sparse.lambda=1.0e-5", "-s", "train_sparse")
    copied.run("dvc", "exp", "run", "--temp", *experiment)
    (tiny,) = copied.runs("tags.dvc.experiment = 'tiny'")
    assert (tiny.info.status, float(tiny.data.params["lambda"])) == ("FINISHED", 1e-5)
    assert tiny.data.tags["dvc.baseline"] == copied.run("git", "rev-parse", "HEAD").strip()
    # The alias stays with the model in stages/.
    (ours,) = copied.runs("tags.stage = 'train_sparse' and params.lambda = '1.0'")
    assert copied.client.get_model_version_by_alias("sparsefaces", "sparse").run_id == ours.info.run_id


def test_seeds__table_is_of_the_commits_own_seed(copied):
    assert "seed 1: already there" in copied.run("tools/seeds.sh", SEEDS="1", JOBS="1")
    assert "interval, seed 1 " in (copied.folder / "seeds.md").read_text()
    assert copied.run("git", "status", "--porcelain") == ""

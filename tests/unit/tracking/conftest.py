"""A real SQLite store, what a training logs in it, and what came of that."""

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from descriptions import DESCRIPTION
from mlflow import MlflowClient

from sparsefaces.base.mosaics import png_of_mosaic

ROWS = [{"step": step, "rec": 100.0 - step, "ent": float("inf")} for step in range(5)]
PICTURE = png_of_mosaic(np.zeros((4, 4), dtype=np.float32), 1)


class Logged:
    """The store of the current folder, read with MLflow's own client, and a training that logs in it."""

    with_model = False  # which takes seconds to log

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")

    def train(self, description=DESCRIPTION, during=lambda run: None, **how) -> None:
        """Log what a training does; `during` is called with the run after its rows."""
        from sparsefaces.tracking.models import register
        from sparsefaces.tracking.runs import track  # sets MLflow up, once the tests' own settings stand

        with track(description, **how) as run:
            for row in ROWS:
                run.outbox.files[f"images/filters/{row['step']}.png"] = PICTURE
                run.on_step(row["step"], row)
            run.outbox.files["checkpoints/step_5.txt"] = b"5"
            during(run)
            run.log_values("final", {"rec": 5.0, "ent": None, "held_out": {"rec": 2.5}})
            run.outbox.tags["model.sha256"] = "m"
            files = {name: self.folder / name for name in ("weights", "scaling")}
            for name, file in files.items():
                file.write_bytes(name.encode())
            if self.with_model:
                run.model = partial(register, alias="dense", files=files, example=np.zeros((2, 3, 2), np.float32))

    def runs(self) -> list:
        experiment = self.client.get_experiment_by_name("sparsefaces")
        return self.client.search_runs([experiment.experiment_id]) if experiment else []

    def only_run(self):
        (run,) = self.runs()
        return run

    def files(self, folder=None) -> list[str]:
        return [file.path for file in self.client.list_artifacts(self.only_run().info.run_id, folder)]

    def assert_whole(self) -> None:
        """Compare the only run with what a training logs: everything is there, and once."""
        run = self.only_run()
        assert run.info.status == "FINISHED"
        assert run.data.params == {"lambda": "0.0", "seed": "3"}
        assert (run.data.metrics["final/rec"], run.data.metrics["final/held_out/rec"]) == (5.0, 2.5)
        history = self.client.get_metric_history(run.info.run_id, "batch/rec")
        assert sorted((metric.step, metric.value) for metric in history) == [(row["step"], row["rec"]) for row in ROWS]
        assert sorted(name.split("+")[2] for name in self.files("images")) == sorted(2 * "01234")  # each in two sizes
        assert set(self.files()) == {"checkpoints", "images", "uncommitted.diff"}
        assert run.data.tags["model.sha256"] == "m"
        assert len(run.inputs.dataset_inputs) == 1
        if not self.with_model:
            return
        (version,) = self.client.search_model_versions(f"run_id = '{run.info.run_id}'")
        (model,) = self.client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
        assert (model.status, model.name, model.params) == ("READY", "train_dense", run.data.params)
        assert {metric.key: metric.value for metric in model.metrics} == {"final/rec": 5.0, "final/held_out/rec": 2.5}
        assert {metric.dataset_name for metric in model.metrics} == {"orl"}
        assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "sparsefaces", "version": version.version}]
        assert f'load_model("models:/{model.model_id}")' in version.description
        for name in ("final/rec", "final/held_out/rec"):
            assert len(self.client.get_metric_history(run.info.run_id, name)) == 1
        assert self.client.get_model_version_by_alias("sparsefaces", "dense").version == version.version


@pytest.fixture
def logged(in_tmp, empty_store):
    shutil.copy(empty_store, in_tmp / "mlflow.db")
    return Logged(in_tmp)

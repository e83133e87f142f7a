"""A real SQLite store, what a training logs in it, and what came of that."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from descriptions import DESCRIPTION
from mlflow import MlflowClient

from sparsefaces.base.mosaics import png_of_mosaic

ROWS = [{"step": step, "rec": 100.0 - step, "ent": float("inf")} for step in range(5)]


class Logged:
    """The store of the current folder, read with MLflow's own client, and a training that logs in it."""

    rows, with_model = ROWS, False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
        for name in ("model.safetensors", "scaling.npz"):
            (folder / name).write_bytes(name.encode())

    def train(self, description=DESCRIPTION, on_failure="stop", error=None, rows=ROWS, during=lambda run: None) -> None:
        """Log what a training does; raise the error, if there is one, after its rows."""
        from sparsefaces.tracking.runs import track  # sets MLflow up, once the tests' own settings stand

        with track(description, on_failure, 0.0) as run:
            for row in rows:
                run.on_step(row["step"], row, self)
                run.log_picture("filters", row["step"], picture)
            run.log_file("checkpoints/step_5.txt", b"5")
            during(run)
            if error:
                raise error
            run.log_values("final", {"rec": 5.0, "ent": None})
            files = {"weights": self.folder / "model.safetensors", "scaling": self.folder / "scaling.npz"}
            run.log_results([*files.values()], "r", {"model.sha256": "m"}, "| table |", "filters.png")
            if self.with_model:
                run.log_model("dense", files, np.zeros((2, 3, 2), np.float32))

    def runs(self) -> list:
        experiment = self.client.get_experiment_by_name("sparsefaces")
        return self.client.search_runs([experiment.experiment_id]) if experiment else []

    def only_run(self):
        (run,) = self.runs()
        return run

    def assert_whole(self, description=DESCRIPTION) -> None:
        """Compare the only run of a content with what a training logs: everything is there, and once."""
        key = description.tags["content.key"]
        (run,) = [run for run in self.runs() if run.data.tags["content.key"] == key]
        assert run.info.status == "FINISHED"
        assert run.data.params == {name: str(value) for name, value in description.params.items()}
        history = self.client.get_metric_history(run.info.run_id, "batch/rec")
        assert sorted((metric.step, metric.value) for metric in history) == [(row["step"], row["rec"]) for row in ROWS]
        assert run.data.metrics["final/rec"] == 5.0
        pictures = [file.path for file in self.client.list_artifacts(run.info.run_id, "images")]
        assert sorted(name.split("+")[2] for name in pictures) == sorted(2 * [str(row["step"]) for row in ROWS])
        files = {file.path for file in self.client.list_artifacts(run.info.run_id)}
        assert files == {"checkpoints", "images", "model.safetensors", "scaling.npz", "uncommitted.diff"}
        assert run.data.tags["model.sha256"] == "m"
        assert "| table |" in run.data.tags["mlflow.note.content"]
        assert len(run.inputs.dataset_inputs) == 1
        if not self.with_model:
            return
        (version,) = self.client.search_model_versions(f"run_id = '{run.info.run_id}'")
        (model,) = self.client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
        assert model.status == "READY"
        assert self.client.get_model_version_by_alias("sparsefaces", "dense").version == version.version


def picture() -> bytes:
    return png_of_mosaic(np.zeros((4, 4), dtype=np.float32), 1)


@pytest.fixture
def logged(in_tmp, empty_store):
    shutil.copy(empty_store, in_tmp / "mlflow.db")
    return Logged(in_tmp)

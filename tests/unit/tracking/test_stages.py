"""What runs hold: results logged whole and once from stages/, and a model that can be served."""

import getpass
import io
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pytest
import yaml
from PIL import Image
from samples import model_params, params

from sparsefaces.base.files import write_json
from sparsefaces.base.params import MODEL_FIELDS
from sparsefaces.standardize.dataset import FETCH, STANDARDIZE, Dataset, load_dataset, save_standardized
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.tracking.description import describe
from sparsefaces.tracking.pictures import ZOOM, LivePictures, draw_reconstructions, example_rows
from sparsefaces.tracking.served_model import Autoencoder
from sparsefaces.tracking.stages import ANALYZE, log_missing
from sparsefaces.tracking.store import Store
from sparsefaces.training.activations import Activation
from sparsefaces.training.model import Model
from sparsefaces.training.outputs import Training, save_training
from sparsefaces.training.weights import Weights

HISTORY = [{"step": step, "rec": 5.0 - step, "spa": 2.0, "ent": 3.0, "reg": 1.0} for step in (0, 3)]
METRICS = {"rec": 1.25, "loss": None, "l0": 0.5, "silent_units": 0, "held_out": {"rec": 2.5}}
PROVENANCE = {"source": "orl", "wanted": "lfw", "fallback_reason": "no network", "people": None}
PROVENANCE |= {"images": 60, "height": 6, "width": 5}
SETTINGS = {
    "train": params().model_dump(),
    "train_dense": {"lambda": 1},
    "train_sparse": {"lambda": 0, "activation": "topk", "k": 2},
}  # as DVC has it
SETTINGS |= {"analyze": {"most_faces": 100, "faces": 1, "filters": 1, "filter_scale": "own", "held_out_people": 0.5}}
TRAININGS = {"dense": "train_dense", "sparse": "train_sparse"}
STAGES = [*TRAININGS.values(), "analyze"]


def model(seed: int) -> Model:
    rng = np.random.default_rng(seed)
    sizes = ((30, 4), (4, 30), (4,), (30,))
    return Model(Weights(*(rng.standard_normal(size, np.float32) for size in sizes)), Activation("topk", {"k": 2}))


@pytest.fixture
def data(logged, faces) -> Dataset:
    """The faces of a finished pipeline, all of whose results are there, while nothing of it is in the store."""
    mask = np.arange(60) < 45
    save_standardized(faces, measure_scaling(faces, mask), mask)
    write_json(FETCH / "provenance.json", PROVENANCE)
    for seed, stage in enumerate(TRAININGS.values()):
        save_training(stage, Training(model(seed), HISTORY, METRICS))
    write_json(ANALYZE / "metrics.json", {"dense": METRICS, "sparse": METRICS})
    for name in ("report.html", "decoder.png", ".hidden"):
        (ANALYZE / name).touch()
    sections = {stage: ["train", stage] for stage in TRAININGS.values()} | {"analyze": SETTINGS}
    locked = {
        stage: {"params": {"params.yaml": {name: SETTINGS[name] for name in sections[stage]}}} for stage in STAGES
    }
    (logged.folder / "dvc.lock").write_text(yaml.safe_dump({"stages": locked}))
    return load_dataset()


def test_log_missing__what_lies_in_the_folders_is_logged_whole_and_once(logged, data):
    assert log_missing(Store(), data, STAGES) == STAGES
    assert log_missing(Store(), data, STAGES) == []
    assert len(logged.runs()) == 3
    runs = {run.data.tags["stage"]: run for run in logged.runs()}
    run = runs["train_dense"]
    assert run.data.params == {
        **{name: str(value) for name, value in params().model_dump().items()},
        **{name: str(value) for name, value in (MODEL_FIELDS | {"lambda": 1.0}).items()},
        **{"data.source": "orl", "data.faces": "60", "data.size": "6 x 5"},
    }
    assert (run.data.tags["restored"], run.data.tags["data.wanted"]) == ("from the stage's folder", "lfw")
    assert run.info.run_name == "train_dense, lambda 1"
    assert (run.data.metrics["final/rec"], run.data.metrics["final/held_out/rec"]) == (1.25, 2.5)
    history = logged.client.get_metric_history(run.info.run_id, "batch/rec")
    assert [(metric.step, metric.value) for metric in history] == [(0, 5.0), (3, 2.0)]
    files = {file.path for file in logged.client.list_artifacts(run.info.run_id)}
    assert files == {"filters.png", "model.safetensors", "history.csv", "metrics.json"}
    note = run.data.tags["mlflow.note.content"]
    assert re.search(r"60 faces of 6 x 5 pixels from orl.*\*\*Not lfw\*\*.*!\[filters.png\]", note, re.DOTALL)
    run = runs["analyze"]
    assert run.info.run_name == "lambda 1 and top-k 2"
    assert {run.data.params[name] for name in ("dense.lambda", "sparse.lambda", "seed")} == {"1.0", "0.0", "0"}
    assert (run.data.metrics["dense/rec"], run.data.metrics["sparse/held_out/rec"]) == (1.25, 2.5)
    files = {file.path for file in logged.client.list_artifacts(run.info.run_id)}
    assert files == {"metrics.json", "report.html", "decoder.png"}
    for name, stage in TRAININGS.items():
        assert runs[stage].data.tags["model.sha256"] == run.data.tags[f"model.{name}.sha256"]
    assert {run.data.tags["mlflow.user"] for run in runs.values()} == {getpass.getuser()}


def test_log_missing__run_that_lacks_files_is_completed(logged, data):
    log_missing(Store(), data, STAGES)
    for run in logged.runs():
        logged.client.set_tag(run.info.run_id, "missing.files", "model.safetensors")
    assert log_missing(Store(), data, ["train_dense"]) == ["train_dense"]
    assert len(logged.runs()) == 3
    assert log_missing(Store(), data, ["train_dense"]) == []


def test_served_model__reconstructs_and_codes_pixels_as_the_model_does_and_refuses_others(logged, data, faces):
    log_missing(Store(), data, TRAININGS.values())
    served = mlflow.pyfunc.load_model("models:/sparsefaces@sparse")
    codes = model(1).encode(np.asarray(data.X))
    pixels = data.to_pixels(model(1).decode(codes))
    assert (codes > 0).any()
    np.testing.assert_allclose(served.predict(faces), pixels, rtol=0, atol=1e-5)
    np.testing.assert_allclose(served.predict(faces.reshape(60, -1)), pixels.reshape(60, -1), rtol=0, atol=1e-5)
    np.testing.assert_allclose(served.predict(faces, params={"output": "codes"}), codes, rtol=0, atol=1e-5)
    assert served.metadata.signature.outputs.inputs[0].shape == (-1, 6, 5)
    predict = served.unwrap_python_model().predict
    for wrong, how, said in (
        (faces[:, 1:], {}, "have 25 pixels; the model is for 30"),
        (faces * 255, {}, "pixels must be in"),
        (faces - 0.5, {}, "pixels must be in"),
        (np.full_like(faces, np.nan), {}, "pixels must be in"),
        (faces, {"output": "code"}, "output is 'code'"),
    ):
        with pytest.raises(ValueError, match=said):
            predict(None, wrong, how)


def test_served_model__opens_no_pickle(data):
    np.savez(STANDARDIZE / "scaling.npz", mean=np.array([{}], dtype=object), scale=np.float32(1))
    files = {"weights": "stages/train_dense/model.safetensors", "scaling": STANDARDIZE / "scaling.npz"}
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Autoencoder().load_context(SimpleNamespace(artifacts=files))


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode().strip()


def test_describe__shows_what_differs_from_the_commit_and_names_the_content_by_all_that_decides_it(data):
    def described(lambd=1.0, threads="1"):
        return describe(
            "train_dense", {"train": params(), "train_dense": model_params(lambd)}, data, {"threads": threads}
        )

    Path("params.yaml").write_text("seed: 1\n")
    git("init", "-q")
    git("add", "params.yaml")
    git("commit", "-qm", "start")
    clean = described()
    assert clean.diff == b""
    assert {"threads", "cpu", "python", "version.torch"} <= clean.tags.keys()
    Path("params.yaml").write_text("seed: 2\n")
    dirty = described(threads="2")
    assert b"\n-seed: 1\n+seed: 2" in dirty.diff
    assert dirty.fingerprint == clean.fingerprint
    assert described(lambd=2.0).fingerprint != clean.fingerprint


def test_describe__a_comparison_is_another_if_a_model_is(data):
    def described():
        sections = {"train": params(), "train_dense": model_params(0), "train_sparse": model_params()}
        return describe("analyze", sections, data, {})

    before = described()
    assert described().fingerprint == before.fingerprint
    save_training("train_sparse", Training(model(2), HISTORY, METRICS))
    assert described().fingerprint != before.fingerprint


def test_draw_reconstructions__faces_from_the_first_to_the_last_stand_above_their_own(data):
    rows = example_rows(data, 3)
    assert rows.tolist() == [data.X[row].tolist() for row in (0, 29, 59)]
    drawn = np.asarray(Image.open(io.BytesIO(draw_reconstructions(model(0), data))))[::ZOOM, ::ZOOM] / 255
    assert drawn.shape == (2 * 6 + 2, 8 * 5 + 7 * 2)
    for column, row in ((0, 0), (7, 59)):
        X = np.asarray(data.X[[row]])
        left = column * 7
        assert drawn[:6, left : left + 5] == pytest.approx(data.to_images(X)[0], abs=0.01)
        again = data.to_images(model(0).decode(model(0).encode(X)))[0]
        assert drawn[8:, left : left + 5] == pytest.approx(again, abs=0.01)


def test_live_pictures__are_due_every_so_often_and_at_the_end_and_weights_after_so_many_steps(monkeypatch):
    for name in ("draw_filters", "draw_reconstructions"):
        monkeypatch.setattr(f"sparsefaces.tracking.pictures.{name}", lambda model, _: model)
    monkeypatch.setattr("sparsefaces.tracking.pictures.model_bytes", lambda model: model)
    files = {}
    how = SimpleNamespace(log_pictures_every=4, log_weights_every=3)
    live = LivePictures(SimpleNamespace(outbox=SimpleNamespace(files=files)), None, how, iterations=7)
    for step in range(7):
        live.on_step(step, None, SimpleNamespace(model=lambda step=step: step))
    pictures = {f"images/{kind}/{step}.png": step for kind in ("filters", "reconstructions") for step in (0, 4, 6)}
    assert files == pictures | {"checkpoints/step_00003.safetensors": 2, "checkpoints/step_00006.safetensors": 5}

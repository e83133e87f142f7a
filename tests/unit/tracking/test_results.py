"""Results that lie in stages/ and that MLflow lacks are logged from there: whole, once, and as they can be served."""

import io
import re
import subprocess

import mlflow
import numpy as np
import pytest
import yaml
from PIL import Image
from samples import params

from sparsefaces.base.errors import UserError
from sparsefaces.base.files import write_json
from sparsefaces.base.words import FACES
from sparsefaces.colors import COLORS
from sparsefaces.standardize.dataset import FETCH, Dataset, load_dataset, save_standardized
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.tracking.description import LOGGED_IMAGES, RUN_COLOR, describe
from sparsefaces.tracking.pictures import ZOOM, draw_reconstructions, example_rows
from sparsefaces.tracking.stages import ANALYZE, log_all, log_missing_trainings
from sparsefaces.tracking.store import Store, StoreError
from sparsefaces.training.activations import Activation
from sparsefaces.training.model import Model
from sparsefaces.training.outputs import TRAININGS, TYPES, Training, save_training
from sparsefaces.training.weights import Weights

HISTORY = [{"step": step, "rec": 5.0 - step, "spa": 2.0, "ent": 3.0, "reg": 1.0} for step in (0, 3)]
METRICS = dict.fromkeys(TYPES, 0.5) | {"loss": None, "rec": 1.25, "held_out": {"rec": 2.5}}
PROVENANCE = {"source": "orl", "wanted": "lfw", "fallback_reason": "no network", "people": None}
PROVENANCE |= {"images": 60, "height": 6, "width": 5}
SETTINGS = {"train": params().model_dump(), "train_dense": {"lambda": 1}}  # for 1.0, as DVC writes it


def model(seed: int) -> Model:
    rng = np.random.default_rng(seed)
    sizes = ((30, 4), (4, 30), (4,), (30,))
    return Model(Weights(*(rng.standard_normal(size, np.float32) for size in sizes)), Activation("topk", 2))


@pytest.fixture
def data(logged, faces) -> Dataset:
    """The faces of a finished pipeline, all of whose results are there, while nothing of it is in the store."""
    trains = np.arange(60) < 45
    save_standardized(faces, measure_scaling(faces, trains), trains)
    write_json(FETCH / "provenance.json", PROVENANCE)
    for seed, stage in enumerate(TRAININGS.values()):
        save_training(stage, Training(model(seed), HISTORY, METRICS))
    write_json(ANALYZE / "metrics.json", {"dense": METRICS, "sparse": METRICS})
    for name in ("report.html", "decoder.png", ".hidden"):
        (ANALYZE / name).touch()
    record = {"params": {"params.yaml": SETTINGS}, "outs": [{"path": "x", "md5": "abc"}]}
    (logged.folder / "dvc.lock").write_text(yaml.safe_dump({"stages": {"train_dense": record}}))
    return load_dataset()


def test_log_all__what_lies_in_the_folders_is_logged_whole_and_once(logged, data):
    assert log_all(data) == ["train_dense", "train_sparse", "analyze"]
    assert log_all(data) == []
    logged.client.delete_registered_model_alias("sparsefaces", "sparse")
    assert log_all(data) == ["train_sparse"]
    assert set(logged.client.get_registered_model("sparsefaces").aliases) == {"dense", "sparse"}
    runs = {run.data.tags["stage"]: run for run in logged.runs()}
    assert len(logged.runs()) == 3
    run = runs["train_dense"]
    assert run.data.params == {
        **{name: str(value) for name, value in params().model_dump().items()},
        **{"lambda": "1.0", "activation": "relu", "k": "None"},
        **{"data.source": "orl", "data.faces": "60", "data.size": "6 x 5", "data.held_out": "15"},
    }
    assert run.data.tags["restored"]
    assert run.data.tags["data.wanted"] == "lfw"
    assert run.info.run_name == "train_dense, lambda 1"
    assert run.data.tags[RUN_COLOR] == COLORS["sparse"]
    assert run.data.tags[LOGGED_IMAGES] == "True"
    assert (run.data.metrics["final/rec"], run.data.metrics["final/held_out/rec"]) == (1.25, 2.5)
    history = logged.client.get_metric_history(run.info.run_id, "batch/rec")
    assert [(metric.step, metric.value) for metric in history] == [(0, 5.0), (3, 2.0)]
    pictures = [
        file.path.partition("+timestamp")[0] for file in logged.client.list_artifacts(run.info.run_id, "images")
    ]
    assert set(pictures) == {"images/filters+step+3", "images/reconstructions+step+3"}
    files = {file.path for file in logged.client.list_artifacts(run.info.run_id)}
    assert files == {"filters.png", "images", "model.safetensors", "history.csv", "metrics.json"}
    note = run.data.tags["mlflow.note.content"]
    assert re.search(rf"60 {FACES} of 6 x 5 pixels from orl.*\*\*Not lfw\*\*.*\| rec +\| +1.25 \|", note, re.DOTALL)
    run = runs["analyze"]
    assert (run.data.metrics["dense/rec"], run.data.metrics["sparse/held_out/rec"]) == (1.25, 2.5)
    files = {file.path for file in logged.client.list_artifacts(run.info.run_id)}
    assert files == {"metrics.json", "report.html", "decoder.png"}
    inputs = {one.dataset.name: one.dataset.digest for one in run.inputs.dataset_inputs}
    for name, stage in TRAININGS.items():
        assert runs[stage].data.tags["model.sha256"].startswith(inputs[f"model.{name}"])


def test_log_missing_trainings__of_an_experiment_leaves_the_names_to_others(logged, data, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "boxy-sign")
    assert log_missing_trainings(data) == ["train_dense", "train_sparse"]
    assert len(logged.client.search_model_versions("name = 'sparsefaces'")) == 2
    assert logged.client.get_registered_model("sparsefaces").aliases == {}


def test_log_all__what_is_refused_is_told_by_name_once_all_else_is_logged(logged, data, monkeypatch):
    def refuse(*_):
        raise StoreError(PermissionError(13, "Permission denied"))

    monkeypatch.setattr(Store, "check_files_reach_it", refuse)
    with pytest.raises(UserError, match=r"refuses some of analyze: .*\n.*train_sparse: .*model.safetensors .*denied"):
        log_all(data)
    assert [run.info.status for run in logged.runs()] == ["FINISHED"] * 3


def test_served_model__reconstructs_and_codes_pixels_as_the_model_does_and_refuses_others(logged, data, faces):
    log_missing_trainings(data)
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
        (faces * 255, {}, "pixels must be in .* reach from"),
        (faces - 0.5, {}, "pixels must be in"),
        (np.full_like(faces, np.nan), {}, "pixels must be in"),
        (faces, {"output": "code"}, "output is 'code'"),
    ):
        with pytest.raises(ValueError, match=said):
            predict(None, wrong, how)


def test_describe__names_the_commit_and_what_differs_from_it_and_the_content_by_all_that_decides_it(
    logged, data, monkeypatch, capsys
):
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def described(settings=SETTINGS, code="c"):
        return describe("train_dense", settings, data, {"model": code}, {"threads": "1"})

    (logged.folder / "params.yaml").write_text("seed: 1\n")
    assert "git.commit" not in described().tags
    git("init", "-q")
    git("add", "params.yaml")
    git("commit", "-qm", "start")
    clean = described()
    assert (clean.tags["git.commit"], clean.tags["git.dirty"]) == (git("rev-parse", "HEAD"), "false")
    assert (clean.diff, clean.recorded) == ("", ["abc"])
    assert {"threads", "cpu", "python", "version.torch"} <= clean.tags.keys()
    (logged.folder / "params.yaml").write_text("seed: 2\n")
    dirty = described()
    assert dirty.tags["git.dirty"] == "true"
    assert "M params.yaml" in dirty.diff
    assert "\n-seed: 1\n+seed: 2\n" in dirty.diff
    assert dirty.tags["content.key"] == clean.tags["content.key"]
    others = [described(code="d"), described(SETTINGS | {"train_dense": {"lambda": 2.0}})]
    assert len({one.tags["content.key"] for one in (clean, *others)}) == 3
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert "git.commit" not in described().tags
    assert re.search("warning: the run has no commit: .*safe.directory", capsys.readouterr().err, re.DOTALL)
    write_json(FETCH / "provenance.json", PROVENANCE | {"width": 6})
    with pytest.raises(UserError, match="stages/fetch has 60 images of 6 x 6, stages/standardize 60 of 6 x 5: run"):
        described()


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

"""The pipeline as a user runs it: real DVC, real Git, a real store."""

import hashlib
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from mlflow import MlflowClient
from projects import CORES, ROOT

from sparsefaces.base.files import read_history


def runs(project):
    client = MlflowClient(tracking_uri=f"sqlite:///{project.folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("sparsefaces")
    return client, {run.data.tags["stage"]: run for run in client.search_runs([experiment.experiment_id])}


def test_repro__leaves_what_the_contracts_say(finished):
    faces = np.load(finished.path("fetch/faces.npy"), mmap_mode="r")
    record = json.loads(finished.path("fetch/provenance.json").read_text())
    assert (faces.shape, faces.dtype) == ((400, 14, 11), np.float32)
    assert record["sha256"] == hashlib.sha256(faces.tobytes()).hexdigest()
    wanted = {"source": "orl", "wanted": "orl", "images": 400, "people": 40, "height": 14, "width": 11}
    assert record.items() >= wanted.items()
    assert record["fallback_reason"] is None
    X = np.load(finished.path("standardize/X.npy"), mmap_mode="r")
    scaling = np.load(finished.path("standardize/scaling.npz"))
    assert X * scaling["scale"] + scaling["mean"] == pytest.approx(faces.reshape(400, -1), abs=1e-5)
    printed = [line.split() for line in finished.output.splitlines()]
    assert printed.count(["nbit", "rec", "spa", "ent", "reg"]) == 2
    for stage in ("train_dense", "train_sparse"):
        history = read_history(finished.path(f"{stage}/history.csv"))
        assert ["24", *(f"{history[-1][term]:.2f}" for term in ("rec", "spa", "ent", "reg"))] in printed
        assert [row["step"] for row in history] == [0, 10, 20, 24]
        metrics = json.loads(finished.path(f"{stage}/metrics.json").read_text())
        wanted = {"rec", "spa", "ent", "reg", "loss", "l0", "explained_variance", "silent_units"}
        assert wanted <= set(metrics)
    side_by_side = json.loads(finished.path("analyze/metrics.json").read_text())
    assert set(side_by_side) == {"dense", "sparse"}
    assert side_by_side["dense"].items() >= json.loads(finished.path("train_dense/metrics.json").read_text()).items()


def test_repro__second_time_does_nothing_and_says_so(finished):
    before = finished.results()
    assert "Data and pipelines are up to date" in finished.run("dvc", "repro")
    assert finished.results() == before


def test_repro__clone_without_data_is_known_to_be_up_to_date(finished, tmp_path):
    finished.run("git", "clone", "-q", str(finished.folder), str(tmp_path / "clone"))
    output = subprocess.run(
        ["dvc", "repro", "--allow-missing", "--dry"],
        cwd=tmp_path / "clone",
        env=finished.env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Data and pipelines are up to date" in output
    assert "python src" not in output


def test_repro__changed_parameter_reruns_only_what_depends_on_it(copied):
    copied.set_params({"train_sparse": {"lambda": 0.5}})
    assert "train_sparse.lambda" in copied.run("dvc", "params", "diff")
    output = copied.run("dvc", "repro")
    assert re.findall("Running stage '(.*)'", output) == ["train_sparse", "analyze"]
    assert "train_sparse" in copied.run("dvc", "metrics", "diff", "HEAD")
    # What does not depend on lambda is fitted once for all of its values.
    assert [
        copied.output.count(f"Fitting {method} on 400 faces (once") for method in ("PCA", "NMF", "dictionary learning")
    ] == [1, 1, 1]
    assert not re.search(r"Fitting .* \(once", output)
    assert "Training sparse again on 320 faces" in output  # and not dense, whose lambda is as it was


def test_repro__tracks_one_run_per_stage_linked_by_content(finished):
    client, by_name = runs(finished)
    assert set(by_name) == {"train_dense", "train_sparse", "analyze"}
    assert {run.info.status for run in by_name.values()} == {"FINISHED"}
    dense, sparse, analyze = (by_name[name] for name in ("train_dense", "train_sparse", "analyze"))
    differing = {key for key, value in dense.data.params.items() if sparse.data.params[key] != value}
    assert differing == {"lambda"}
    assert dense.data.params["iterations"] == "25"
    for name, run in (("dense", dense), ("sparse", sparse)):
        model = finished.path(f"train_{name}/model.safetensors").read_bytes()
        digest = hashlib.sha256(model).hexdigest()
        assert run.data.tags["model.sha256"] == analyze.data.tags[f"model.{name}.sha256"] == digest
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "batch/rec")]
        assert steps == [0, 10, 20, 24]
        files = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert files == {"filters.png", "images", "history.csv", "metrics.json", "model.safetensors"}
        images = [file.path for file in client.list_artifacts(run.info.run_id, "images")]
        pictures = {int(step) for path in images for step in re.findall(r"filters\Wstep\W(\d+)", path)}
        assert pictures == {0, 24}
        assert "final/explained_variance" in run.data.metrics
    commit = finished.run("git", "rev-parse", "HEAD~1").strip()  # where the run started
    assert dense.data.tags["git.commit"] == commit
    assert dense.data.tags["git.dirty"] == "false"
    assert (dense.data.tags["device"], dense.data.tags["threads"]) == ("cpu", "auto")
    assert dense.data.tags["cpu"]
    assert "report.html" in {file.path for file in client.list_artifacts(analyze.info.run_id)}
    assert "dense/l0" in analyze.data.metrics


def forget_runs(project):
    (project.folder / "mlflow.db").unlink()
    shutil.rmtree(project.folder / "mlartifacts")


def test_repro__trainings_restored_from_the_run_cache_still_get_their_runs(copied):
    forget_runs(copied)
    shutil.rmtree(copied.folder / "stages")
    (copied.folder / "dvc.lock").unlink()
    copied.set_params({"analyze": {"faces": 6}})
    output = copied.run("dvc", "repro")
    assert "Running stage 'train_dense'" not in output
    assert "Running stage 'analyze'" in output
    client, by_name = runs(copied)
    assert set(by_name) == {"train_dense", "train_sparse", "analyze"}
    dense = by_name["train_dense"]
    assert dense.data.params["iterations"] == "25"
    assert dense.data.tags["restored"]
    assert len(client.get_metric_history(dense.info.run_id, "batch/rec")) == 4


def test_track__logs_what_no_run_is_known_of_and_nothing_twice(copied):
    assert "nothing to log" in copied.run("python", "src/track.py")
    forget_runs(copied)
    assert "logged train_dense, train_sparse, analyze" in copied.run("python", "src/track.py")
    assert "nothing to log" in copied.run("python", "src/track.py")
    _, by_name = runs(copied)
    assert set(by_name) == {"train_dense", "train_sparse", "analyze"}
    assert by_name["analyze"].data.params["filters"] == "9"


def test_repro__users_mistake_ends_in_one_message_and_a_failure(copied):
    shutil.copytree(ROOT / "tools", copied.folder / "tools")
    copied.set_params({"train": {"batch_size": 401}})
    output = copied.run("tools/repro.sh", code=255)
    # Side by side, each training says so.
    assert output.count("error: train.batch_size is 401, but there are 400 images") == (2 if CORES > 1 else 1)
    assert "Traceback" not in output
    assert "Running stage 'analyze'" not in output
    assert not copied.path("train_dense/model.safetensors").exists()
    assert not copied.run("git", "diff", "--name-only", "dvc.lock")
    client, _ = runs(copied)
    failed = client.search_runs(["1"], "attributes.status != 'FINISHED'")
    assert {(run.data.tags["stage"], run.info.status) for run in failed} == {
        (stage, "FAILED") for stage in ("train_dense", "train_sparse")[: min(CORES, 2)]
    }


def test_repro__missing_folder_of_images_is_named_before_dvc_meets_it(copied):
    shutil.copytree(ROOT / "tools", copied.folder / "tools")
    copied.set_params({"fetch": {"folder": "pictures"}})
    output = copied.run("tools/repro.sh", code=1)
    assert "error: fetch.folder is pictures, which is not there: make it" in output
    assert "Errno" not in output


def test_repro__ends_with_both_models_numbers_and_where_the_rest_is(copied):
    shutil.copytree(ROOT / "tools", copied.folder / "tools")
    copied.set_params({"analyze": {"filters": 8}})
    output = copied.run("tools/repro.sh")
    *_, numbers, where = output.strip().splitlines()
    assert "stages/analyze/report.html" in where
    assert "make ui" in where
    assert "dvc push" not in output
    assert "autostage" not in output
    shown = json.loads(copied.path("analyze/metrics.json").read_text())["sparse"]["effective_area"]
    assert numbers.endswith(f"{shown:.1%}")


def test_fetch__fallback_is_said_loudly_everywhere(copied):
    copied.set_params({"fetch": {"source": "lfw", "fallback": "orl"}})
    nowhere = "http://127.0.0.1:9"
    output = copied.run("dvc", "repro", http_proxy=nowhere, https_proxy=nowhere)
    reason = json.loads(copied.path("fetch/provenance.json").read_text())["fallback_reason"]
    for place in ("figshare", "figshare's API", "University of Massachusetts"):
        assert f"{place}: no connection to the proxy" in reason
    assert f"NOT LFW: {reason}." in output.replace("\n!", "")
    assert "These are not the LFW faces." in copied.path("analyze/report.html").read_text()
    assert "Running stage 'train_dense'" not in output  # the faces are those of before
    client, _ = runs(copied)
    tags = client.search_runs(["1"], "tags.stage = 'analyze'")[0].data.tags
    assert (tags["data.source"], tags["data.wanted"]) == ("orl", "lfw")
    assert "Not lfw" in tags["mlflow.note.content"]


def test_fetch__folder_of_ones_own_is_watched_by_dvc(project, image_folder):
    faces = project.folder / "faces"
    (image_folder / "ada").rename(faces / "ada")
    project.set_params({"fetch": {"source": "folder"}})
    project.run("dvc", "repro", "standardize")
    assert "up to date" in project.run("dvc", "repro", "standardize")
    (image_folder / "bob").rename(faces / "bob")
    assert "Running stage 'fetch'" in project.run("dvc", "repro", "standardize")
    assert np.load(project.path("standardize/X.npy")).shape == (4, 14 * 11)
    assert not project.run("git", "status", "--porcelain", "faces")


def test_verify__refuses_faces_that_are_not_lfw(finished):
    output = finished.run("python", "src/verify.py", code=1)
    assert "error: the exercise used LFW, but these trainings are on orl" in output


def test_scripts__that_do_not_train_do_not_import_torch():
    """In one process, to import what they share once."""
    scripts = ("fetch", "standardize", "verify", "track", "tradeoff", "analyze")
    tell = "; ".join(f"import {script}; print('{script}', 'torch' in sys.modules)" for script in scripts)
    code = f"import sys; sys.path.insert(0, 'src'); {tell}"
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.splitlines() == [f"{script} False" for script in scripts]

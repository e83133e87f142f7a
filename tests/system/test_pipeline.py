"""The pipeline as a user runs it: real DVC, real Git, a real store."""

import hashlib
import json
import re
import shutil
import subprocess
import sys

import numpy as np
from projects import CORES, ROOT

from sparsefaces.base.files import read_history
from sparsefaces.base.words import FACES

RUNS = ["analyze", "train_sparse", "train_dense"]


def test_repro__leaves_what_the_contracts_say(finished):
    faces = np.load(finished.path("fetch/faces.npy"), mmap_mode="r")
    record = json.loads(finished.path("fetch/provenance.json").read_text())
    assert (faces.shape, faces.dtype) == ((400, 14, 11), np.float32)
    assert record["sha256"] == hashlib.sha256(faces.tobytes()).hexdigest()
    assert (record["source"], record["wanted"], record["fallback_reason"]) == ("orl", "orl", None)
    printed = [line.split() for line in finished.output.splitlines()]
    assert printed.count(["nbit", "rec", "spa", "ent", "reg"]) == 2
    for stage in ("train_dense", "train_sparse"):
        history = read_history(finished.path(f"{stage}/history.csv"))
        assert ["24", *(f"{history[-1][term]:.2f}" for term in ("rec", "spa", "ent", "reg"))] in printed
        assert [row["step"] for row in history] == [0, 10, 20, 24]
    side_by_side = json.loads(finished.path("analyze/metrics.json").read_text())
    assert set(side_by_side) == {"dense", "sparse"}
    assert side_by_side["dense"].items() >= json.loads(finished.path("train_dense/metrics.json").read_text()).items()


def test_repro__changed_parameter_reruns_what_depends_on_it_and_ends_with_the_numbers(copied):
    copied.set_params({"train_sparse": {"lambda": 0.5}})
    output = copied.run("tools/repro.sh")
    assert re.findall("Running stage '(.*)'", output) == ["train_sparse", "analyze"]
    # What does not depend on lambda is fitted once for all of its values.
    assert [
        copied.output.count(f"Fitting {method} on 400 {FACES} (once")
        for method in ("PCA", "NMF", "dictionary learning")
    ] == [1, 1, 1]
    assert not re.search(r"Fitting .* \(once", output)
    assert f"Training sparse again on 320 {FACES}" in output  # and not dense, whose lambda is as it was
    *_, numbers, where = output.strip().splitlines()
    assert "stages/analyze/report.html" in where
    assert not re.search("dvc push|autostage", output)
    shown = json.loads(copied.path("analyze/metrics.json").read_text())["sparse"]["effective_area"]
    assert numbers.endswith(f"{shown:.1%}")


def test_repro__tracks_one_run_per_stage_linked_by_content(finished):
    client, runs = finished.client, finished.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    analyze, sparse, dense = sorted(runs, key=lambda run: RUNS.index(run.data.tags["stage"]))
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
    assert dense.data.tags["cpu"]
    assert "report.html" in {file.path for file in client.list_artifacts(analyze.info.run_id)}
    assert "dense/l0" in analyze.data.metrics


def test_repro__trainings_restored_from_the_run_cache_still_get_their_runs(copied):
    (copied.folder / "mlflow.db").unlink()
    shutil.rmtree(copied.folder / "mlartifacts")
    shutil.rmtree(copied.folder / "stages")
    (copied.folder / "dvc.lock").unlink()
    copied.set_params({"analyze": {"faces": 6}})
    output = copied.run("dvc", "repro")
    assert "Running stage 'train_dense'" not in output
    assert "Running stage 'analyze'" in output
    assert sorted(run.data.tags["stage"] for run in copied.runs()) == sorted(RUNS)
    (dense,) = copied.runs("tags.stage = 'train_dense'")
    assert dense.data.params["iterations"] == "25"
    assert dense.data.tags["restored"]
    assert len(copied.client.get_metric_history(dense.info.run_id, "batch/rec")) == 4


def test_repro__users_mistake_ends_in_one_message_and_a_failure(copied):
    copied.set_params({"fetch": {"folder": "pictures"}})
    output = copied.run("tools/repro.sh", code=1)
    assert "error: fetch.folder is pictures, which is not there: make it" in output
    assert "Errno" not in output  # of DVC's, which would meet it otherwise
    copied.set_params({"fetch": {"folder": "faces"}, "train": {"batch_size": 401}})
    output = copied.run("tools/repro.sh", code=255)
    # Side by side, each training says so.
    assert output.count("error: train.batch_size is 401, but there are 400 images") == (2 if CORES > 1 else 1)
    assert "Traceback" not in output
    assert "Running stage 'analyze'" not in output
    assert not copied.path("train_dense/model.safetensors").exists()
    assert not copied.run("git", "diff", "--name-only", "dvc.lock")
    failed = copied.runs("attributes.status != 'FINISHED'")
    assert {(run.data.tags["stage"], run.info.status) for run in failed} == {
        (stage, "FAILED") for stage in ("train_dense", "train_sparse")[: min(CORES, 2)]
    }


def test_fetch__fallback_is_said_loudly_everywhere(copied):
    copied.set_params({"fetch": {"source": "lfw", "fallback": "orl"}})
    nowhere = "http://127.0.0.1:9"
    output = copied.run("dvc", "repro", http_proxy=nowhere, https_proxy=nowhere)
    reason = json.loads(copied.path("fetch/provenance.json").read_text())["fallback_reason"]
    for place in ("figshare", "figshare's API", "University of Massachusetts"):
        assert f"{place}: no connection to the proxy" in reason
    assert f"NOT LFW: {reason}." in output.replace("\n!", "")
    assert f"These are not the LFW {FACES}." in copied.path("analyze/report.html").read_text()
    assert f"NOT LFW: these are the ORL {FACES}. Undo it: git restore dvc.lock stages" in output
    assert "Running stage 'train_dense'" not in output  # the faces are those of before
    tags = copied.runs("tags.stage = 'analyze'")[0].data.tags
    assert (tags["data.source"], tags["data.wanted"]) == ("orl", "lfw")
    assert "Not lfw" in tags["mlflow.note.content"]


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

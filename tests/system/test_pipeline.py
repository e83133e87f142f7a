"""The pipeline as a user runs it: real DVC, real Git, a real store."""

import hashlib
import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
from gates import Gate, at_step
from joblib import cpu_count

from sparsefaces.base.files import read_history

TRAININGS = ("train_dense", "train_sparse")
STAGES = ("analyze", *TRAININGS)


def test_repro__leaves_what_the_contracts_say(finished):
    faces = np.load(finished.path("fetch/faces.npy"), mmap_mode="r")
    provenance = json.loads(finished.path("fetch/provenance.json").read_text())
    assert (faces.shape, faces.dtype) == ((400, 14, 11), np.float32)
    assert provenance["sha256"] == hashlib.sha256(faces.tobytes()).hexdigest()
    assert (provenance["source"], provenance["wanted"], provenance["fallback_reason"]) == ("orl", "orl", None)
    printed = [line.split("| ")[-1].split() for line in finished.output.splitlines()]  # whose line each is goes before
    assert printed.count(["nbit", "rec", "spa", "ent", "reg"]) == 2
    for stage in TRAININGS:
        history = read_history(finished.path(f"{stage}/history.csv"))
        assert ["24", *(f"{history[-1][term]:.2f}" for term in ("rec", "spa", "ent", "reg"))] in printed
        assert [row["step"] for row in history] == [0, 10, 20, 24]
    side_by_side = json.loads(finished.path("analyze/metrics.json").read_text())
    assert set(side_by_side) == {"dense", "sparse"}
    assert side_by_side["dense"].items() >= json.loads(finished.path("train_dense/metrics.json").read_text()).items()
    assert finished.output.count("on 400 faces (once") == 3  # PCA, NMF and dictionary learning
    *_, numbers, _ = finished.output.partition("stages/analyze/report.html")[0].splitlines()
    assert numbers.endswith(f"{side_by_side['sparse']['effective_area']:.1%}")


@pytest.mark.skipif(cpu_count() < 2, reason="on one core, trainings take turns")
def test_repro__ctrl_c_ends_both_trainings_and_the_next_run_continues_both_to_the_numbers(copied, tmp_path):
    copied.set_params({"train": {"seed": 2}, "machine": {"checkpoint_every": 10}})
    gate = Gate(tmp_path / "gate", at_step(15))
    process = copied.start("tools/repro.sh", gate=gate, LOKY_MAX_CPU_COUNT="2")  # with 1, trainings take turns
    for training in TRAININGS:
        gate.wait(process, training)
        process.wait_until_said(f"{training} |      0 ")  # each line arrives when it is written
    os.killpg(process.pid, signal.SIGINT)
    assert "Traceback" not in process.end(130)
    assert copied.run("dvc", "repro", *TRAININGS).count("continues from the checkpoint of step 10") == 2
    assert {run.info.status for run in copied.runs()} == {"FINISHED"}


def test_repro__tracks_one_run_per_stage_linked_by_content(finished):
    client, runs = finished.client, finished.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    analyze, dense, sparse = sorted(runs, key=lambda run: STAGES.index(run.data.tags["stage"]))
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
        assert files >= {"filters.png", "images", "history.csv", "metrics.json", "model.safetensors"}
        images = [file.path for file in client.list_artifacts(run.info.run_id, "images")]
        pictures = {int(step) for path in images for step in re.findall(r"filters\Wstep\W(\d+)", path)}
        assert pictures == {0, 24}
        assert "final/explained_variance" in run.data.metrics
    commit = finished.run("git", "rev-parse", "HEAD~1").strip()  # where the run started
    assert dense.data.tags["mlflow.source.git.commit"] == commit
    assert "uncommitted.diff" not in {file.path for file in client.list_artifacts(dense.info.run_id)}
    assert dense.data.tags["cpu"]
    assert "report.html" in {file.path for file in client.list_artifacts(analyze.info.run_id)}
    assert "dense/l0" in analyze.data.metrics


def test_repro__users_mistake_ends_in_one_message_and_a_failure(copied):
    copied.set_params({"fetch": {"folder": "pictures"}})
    output = copied.run("tools/repro.sh", code=1)
    assert "error: fetch.folder is pictures, which is not there: make it" in output
    assert "Errno" not in output  # of DVC's, which would meet it otherwise
    copied.set_params({"fetch": {"folder": "faces"}, "train": {"batch_size": 401}})
    output = copied.run("dvc", "repro", code=255)
    assert output.count("error: train.batch_size is 401, but there are 400 images") == 1
    assert "Traceback" not in output
    assert "Running stage 'analyze'" not in output
    assert not copied.path("train_dense/model.safetensors").exists()
    assert not copied.run("git", "diff", "--name-only", "dvc.lock")
    (failed,) = copied.runs("attributes.status != 'FINISHED'")
    assert (failed.data.tags["stage"], failed.info.status) == ("train_dense", "FAILED")


@pytest.fixture(scope="module")
def fallen_back(finished, empty_store, tmp_path_factory):
    """A project that lost its results and its store, and finds the trainings in DVC's run cache, but no LFW."""
    project = finished.copy(tmp_path_factory.mktemp("fallen") / "project")
    for name in ("stages", "mlartifacts"):
        shutil.rmtree(project.folder / name)
    (project.folder / "dvc.lock").unlink()
    shutil.copy(empty_store, project.folder)
    project.set_params({"fetch": {"source": "lfw", "fallback": "orl"}})
    nowhere = "http://127.0.0.1:9"
    project.output = project.run("dvc", "repro", http_proxy=nowhere, https_proxy=nowhere)
    return project


def test_repro__trainings_restored_from_the_run_cache_still_get_their_runs(fallen_back):
    rerun = set(re.findall("Running stage '(.*)'", fallen_back.output))
    assert rerun & set(STAGES) == {"analyze"}
    assert "(once" not in fallen_back.output  # what is fitted for all comparisons
    assert sorted(run.data.tags["stage"] for run in fallen_back.runs()) == sorted(STAGES)
    (dense,) = fallen_back.runs("tags.stage = 'train_dense'")
    assert dense.data.params["iterations"] == "25"
    assert dense.data.tags["restored"]
    assert len(fallen_back.client.get_metric_history(dense.info.run_id, "batch/rec")) == 4


def test_fetch__fallback_is_said_loudly_everywhere(fallen_back):
    output = fallen_back.output
    reason = json.loads(fallen_back.path("fetch/provenance.json").read_text())["fallback_reason"]
    assert reason
    assert f"NOT LFW: {reason}" in output.replace("\n!", "")
    for host in ("figshare.com", "umass.edu"):  # what each answered
        assert re.search(rf"{host}.*127\.0\.0\.1", output, re.DOTALL)
    assert "These are not the LFW faces." in fallen_back.path("analyze/report.html").read_text()
    assert "NOT LFW: these are the ORL faces. Undo it: git restore dvc.lock stages && git clean -fX stages" in output
    (run,) = fallen_back.runs("tags.stage = 'analyze'")
    assert (run.data.tags["data.source"], run.data.tags["data.wanted"]) == ("orl", "lfw")
    assert "Not lfw" in run.data.tags["mlflow.note.content"]

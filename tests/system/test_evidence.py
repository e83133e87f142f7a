"""What analyze keeps, leaves and shows: real DVC on a small project."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from gates import DEADLINE, Gate, at_step
from projects import ROOT

from sparsefaces.base.cache import load_cached, save_cached, scratch_path
from sparsefaces.base.files import read_csv
from sparsefaces.metrics import METRICS


def test_scratch__forgets_the_oldest_of_a_name_only(in_tmp):
    save_cached("fits/b", "0", {"W": np.zeros(1)})
    for number in range(10):
        save_cached("fits/a", str(number), {"W": np.zeros(1)})
    assert len(list(scratch_path("fits").glob("a-*.npz"))) == 8
    assert load_cached("fits/b", "0") is not None
    assert load_cached("fits/a", "9") is not None


EXPERIMENT = """
import os, sys, time
from pathlib import Path
import numpy as np
from sparsefaces.base.cache import cached, load_cached, save_cached

def make():
    with open("made", "a") as file:
        file.write("x")
    while len(list(Path().glob("here-*"))) < 3:  # the others come while it is being made
        time.sleep(0.01)
    return {"W": np.arange(100_000)}

Path(f"here-{os.getpid()}").touch()
assert cached("fits/a", "k", make, "Fitting")["W"][-1] == 99_999
for number in range(60):
    save_cached("fits/b", str(number % 12), {"W": np.full(1000, number % 12)})
"""


def test_scratch__experiments_at_once_make_a_thing_once_and_write_over_nothing(in_tmp):
    command = [sys.executable, "-c", EXPERIMENT]
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    experiments = [subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        said = [experiment.communicate(timeout=DEADLINE)[1] for experiment in experiments]
    finally:  # one that ended before it came would leave another waiting for it
        for experiment in experiments:
            experiment.kill()
    assert [experiment.returncode for experiment in experiments] == [0, 0, 0], said
    assert (in_tmp / "made").read_text() == "x"
    for path in scratch_path("fits").glob("b-*.npz"):
        number = path.stem.removeprefix("b-")
        assert set(load_cached("fits/b", number)["W"].tolist()) == {int(number)}


def test_analyze__makes_what_is_lost_or_damaged_in_scratch_again_to_the_same_bytes(copied):
    before = copied.results()
    (fit,) = (copied.folder / ".scratch" / "baselines").glob("NMF-*.npz")
    fit.write_bytes(b"broken")
    shutil.rmtree(copied.folder / ".scratch" / "refits")
    output = copied.run("python", "src/analyze.py", OPENBLAS_NUM_THREADS="2")
    assert "is damaged" in output
    assert "Fitting NMF on 400 faces" in output
    assert "Training dense again on 320 faces" in output
    assert copied.results() == before


def test_analyze__interrupted_while_it_trains_ends_without_a_traceback(copied, tmp_path):
    copied.set_params({"train": {"iterations": 26}})
    gate = Gate(tmp_path / "gate", at_step(15))
    process = copied.start("python", "src/analyze.py", gate=gate)
    gate.wait(process, "analyze")  # one of its own processes, which train
    process.terminate()
    assert "Traceback" not in process.end(130)


def test_analyze__one_of_whose_processes_is_killed_says_so_and_ends(copied, tmp_path):
    copied.set_params({"train": {"iterations": 26}})
    gate = Gate(tmp_path / "gate", at_step(15))
    process = copied.start("python", "src/analyze.py", gate=gate)
    os.kill(gate.wait(process, "analyze"), signal.SIGKILL)
    said = process.end(1)
    assert "error: a process was killed (Training dense again on 320 faces, Training sparse again" in said
    assert "Traceback" not in said


def test_analyze__compares_on_some_of_many_faces_and_says_so(copied):
    copied.set_params({"analyze": {"most_faces": 120}})
    before = json.loads(copied.path("analyze/claims.json").read_text())
    copied.run("dvc", "repro")
    after = json.loads(copied.path("analyze/claims.json").read_text())
    assert "Compared on 120 of the 400 faces, evenly spaced" in after["sample"]
    fitted, judged = map(int, re.match(r"Fitted on (\d+) faces, judged on (\d+) of", after["notes"][0]).groups())
    assert fitted + judged == 120
    assert "sample" not in before
    assert "Compared on 120 of the 400 faces" in copied.path("analyze/report.html").read_text()
    # Nothing that was fitted on all faces is taken for what is fitted on these.
    assert after["methods"][2]["psnr"] != before["methods"][2]["psnr"]


def test_claims__are_recorded_for_every_claim_and_method(finished):
    record = json.loads(finished.path("analyze/claims.json").read_text())
    assert [row["method"] for row in record["methods"]] == ["dense", "sparse", "PCA", "NMF", "dictionary learning"]
    assert len({row["claim"] for row in record["claims"]}) == 4
    for row in record["claims"]:
        assert row["verdict"] in ("holds", "does not hold", "not decided")
        assert row["interval"][0] <= row["interval"][1]
    metrics = json.loads(finished.path("analyze/metrics.json").read_text())
    assert metrics["dense"]["gini"] == record["methods"][0]["gini"]
    assert metrics["sparse"]["l0"] == pytest.approx(record["methods"][1]["l0"], rel=1e-3)
    assert metrics["dense"]["explained_variance"] == pytest.approx(record["methods"][0]["explained_variance"], abs=1e-3)


def test_rate_distortion__has_every_method_on_both_axes(finished):
    rows = read_csv(finished.path("analyze/rate_distortion.csv"))
    assert list(rows[0]) == ["method", "coefficients", "bits", "psnr"]
    methods = list(dict.fromkeys(row["method"] for row in rows))
    assert methods == ["dense", "sparse", "PCA first", "PCA best", "DCT", "JPEG"]
    assert {row["method"] for row in rows if not row["coefficients"]} == {"JPEG"}


def test_plots__are_drawn_with_titles_axes_and_data(finished):
    plots = json.loads(finished.run("dvc", "plots", "show", "--json"))["data"]
    wanted = {
        "Sorted activations": ("rank of the activation", "activation"),
        "PSNR against coefficients": ("coefficients kept per face", "PSNR, dB"),
        "stages/analyze/rate_distortion.csv": ("bits per face", "PSNR, dB"),
        "Reconstruction error (rec)": ("iteration", "rec"),
    }
    for name, labels in wanted.items():
        (plot,) = plots[name]
        text = json.dumps(plot["content"])
        assert all(f'"title": "{label}"' in text for label in labels), name
        assert len(plot["content"]["data"]["values"]) >= 8
    assert {f"stages/analyze/{name}.png" for name in ("rate_distortion", "rates", "decoder")} <= set(plots)


def test_metrics__every_one_that_is_recorded_is_described_but_the_loss(finished):
    recorded = json.loads(finished.path("analyze/metrics.json").read_text())
    named = {name for values in recorded.values() for name, value in values.items() if not isinstance(value, dict)}
    assert named - set(METRICS) == {"loss"}

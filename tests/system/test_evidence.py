"""What analyze keeps, leaves and shows: real DVC on a small project."""

import json
import re
import shutil

import pytest
from gates import Gate, at_step

from sparsefaces.base.words import FACES


def test_analyze__makes_what_is_lost_or_damaged_in_scratch_again_to_the_same_bytes(copied):
    before = copied.results()
    (fit,) = (copied.folder / ".scratch" / "baselines").glob("NMF-*.npz")
    fit.write_bytes(b"broken")
    shutil.rmtree(copied.folder / ".scratch" / "refits")
    output = copied.run("python", "src/analyze.py", OPENBLAS_NUM_THREADS="2")
    for words in ("is damaged", f"Fitting NMF on 400 {FACES}", f"Training dense again on 320 {FACES}"):
        assert words in output
    assert copied.results() == before


def test_analyze__interrupted_while_it_trains_ends_without_a_traceback(copied, tmp_path):
    copied.set_params({"train": {"iterations": 26}})
    gate = Gate(tmp_path / "gate", at_step(15))
    process = copied.start("python", "src/analyze.py", gate=gate)
    gate.wait(process, "analyze")  # one of its own processes, which train
    process.terminate()
    assert "Traceback" not in process.end(130)


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


def test_plots__are_drawn_with_titles_axes_and_data(finished):
    plots = json.loads(finished.run("dvc", "plots", "show", "--json"))["data"]
    assert {f"stages/analyze/{name}.png" for name in ("rate_distortion", "rates", "decoder")} <= set(plots)
    rates = "stages/analyze/rate_distortion.csv"
    for name in ("Sorted activations", "PSNR against coefficients", rates, "Reconstruction error (rec)"):
        (plot,) = plots[name]
        titles = re.findall(r'"title": "([^"]+)"', json.dumps(plot["content"]))
        assert len(set(titles)) >= 2, name  # of both axes
        assert len(plot["content"]["data"]["values"]) >= 8
    methods = {row["method"] for row in plots[rates][0]["content"]["data"]["values"]}
    assert methods == {"dense", "sparse", "PCA first", "PCA best", "DCT", "JPEG"}

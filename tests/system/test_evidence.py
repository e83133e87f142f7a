"""What analyze leaves, as files and as DVC's plots."""

import json
import re

import pytest


def test_claims__are_there_for_every_method_and_agree_with_the_metrics(finished):
    claims = json.loads(finished.path("analyze/claims.json").read_text())
    assert [row["method"] for row in claims["methods"]] == ["dense", "sparse", "PCA", "NMF", "dictionary learning"]
    assert len({row["claim"] for row in claims["claims"]}) == 4
    for row in claims["claims"]:
        assert row["verdict"] in ("holds", "does not hold", "not decided")
        assert row["interval"][0] <= row["interval"][1]
    metrics = json.loads(finished.path("analyze/metrics.json").read_text())
    assert metrics["dense"]["gini"] == claims["methods"][0]["gini"]
    assert metrics["sparse"]["l0"] == pytest.approx(claims["methods"][1]["l0"], rel=1e-3)
    assert metrics["dense"]["explained_variance"] == pytest.approx(claims["methods"][0]["explained_variance"], abs=1e-3)


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

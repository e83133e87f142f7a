"""DVC's plots of what the stages leave."""

import json
import re


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

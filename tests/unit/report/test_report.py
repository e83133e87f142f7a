import base64
import io
import json
import re
import zlib

import pytest
from PIL import Image
from samples import claim

from sparsefaces.report.page import Report, common_scales, render_report

METRICS = {"rec": 35.7, "explained_variance": 0.9655, "psnr": 30.4, "spa": 421.4, "ent": None, "reg": 213.7}
METRICS |= {"l0": 274.4, "silent_units": 1, "effective_area": 0.306}
SETTINGS = {
    "standardize": {"holdout": 0.0},
    "train": {"hidden_units": 400},
    "train_dense": {"lambda": 0.0},
    "train_sparse": {"lambda": 0.0, "activation": "topk", "k": 40},
    "analyze": {"faces": 25, "filters": 64, "filter_scale": "own"},
}
CLAIM = claim("Sparse is <b>sparser</b>", "holds") | {"difference": 0.323, "interval": [0.31, 0.33]}


def report(**changes):
    provenance = {"source": "orl", "wanted": "orl", "fallback_reason": None, "images": 400, "people": 40}
    values = {
        "provenance": provenance | {"height": 3, "width": 2},
        "metrics": {"dense": METRICS, "sparse": METRICS},
        "claims": {},
        "figures": {},
        "page": None,
        "settings": SETTINGS,
        "hashes": {"X.npy": "abc"},
    }
    return Report(**values | changes)


def test_report__escapes_what_it_is_given_and_lets_nothing_break_out_of_its_data():
    attack = "</script><script>alert(1)</script><!--"
    html = render_report(report(claims={"claims": [CLAIM | {"measure": attack}]}, page={"attack": attack}))
    assert attack not in html
    assert "<b>sparser</b>" not in html
    inside = re.search(r'<script type="text/plain" id="data">(.*?)</script>', html, re.DOTALL)
    assert json.loads(zlib.decompress(base64.b64decode(inside[1]))[1:]) == {"attack": attack}


def test_report__counts_verdicts_and_groups_the_measures_of_a_claim():
    open_ = CLAIM | {"verdict": "not decided", "interval": None, "difference": None, "dense": None, "measure": "Gini"}
    fails = CLAIM | {"claim": "Another", "verdict": "does not hold", "null": {"dense": 0.5, "sparse": None}}
    row = {"model": "sparse", "against": "JPEG", "at": "bits", "from": 214.6, "to": 1399.0, "gain": -2.44}
    claims = {"claims": [CLAIM, CLAIM, open_, fails], "compression": [row], "notes": ["Judged on others."]}
    claims["sample"] = "Compared on 40 of the 60 faces."
    html = render_report(report(claims=claims))
    assert claims["sample"] in html.partition("<h2")[0]
    text = text_of(html)
    assert "Of 4 measured claims about them, 2 hold, 1 does not hold and 1 is not decided." in text
    assert html.count("Sparse is &lt;b&gt;") == 1
    assert "shuffled 0.500" in text
    assert "Judged on others." in text
    assert "sparse, against JPEG bits 215 1,399 2.44 dB worse" in text


def test_report__methods_make_one_row_per_metric_with_the_null_last():
    row = {"method": "dense", "psnr": 30.4, "gini": 0.5, "null": {"gini": None}}
    html = render_report(report(claims={"claims": [CLAIM], "methods": [row, row | {"method": "PCA", "psnr": 35.0}]}))
    rows = re.findall(r"<tr>(.*?)</tr>", html[html.index('class="methods"') :], re.DOTALL)
    cells = [re.sub(r"\s*<[^>]+>\s*", "|", row).strip("|").split("||") for row in rows]
    assert cells[:4] == [
        ["Measure", "dense", "PCA"],
        ["PSNR, dB", "30.40", "35.00"],
        ["Gini index of the code", "0.500", "0.500"],
        ["Gini index of the code, shuffled", "none", "none"],
    ]


def test_report__models_too_large_for_a_page_leave_the_explorer_out_and_say_so():
    html = render_report(report(page=None))
    assert "too large" in html
    assert 'id="units-grid"' not in html


def text_of(html):
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_report__says_what_its_inputs_are():
    sparse = METRICS | {"l0": 62.4, "explained_variance": 0.8, "effective_area": 0.12, "silent_units": 3, "ent": 5.25}
    image = io.BytesIO()
    Image.new("L", (30, 20)).save(image, "png")
    figures = {"curves": image.getvalue(), "decoder": image.getvalue()}
    html = render_report(report(metrics={"dense": METRICS, "sparse": sparse}, figures=figures))
    text = text_of(html)
    assert "400 faces of 3 x 2 pixels from orl, 40 people" in text
    assert (
        "The sparse model keeps 62 of 400 units active per face and explains 80.0 % of the variance; "
        "the dense one keeps 274 and explains 96.5 %. In training, dense had lambda 0 and sparse had top-k 40." in text
    )
    assert "measured claims" not in text
    assert "Active units per face dense 274 sparse 62" in text
    assert "A filter covers dense 31 % sparse 12 %" in text
    assert "Sum of 1 / mean activation (ent) not finite 5.2" in text
    assert "Units silent on every face 1 3" in text
    assert "Explained variance dense 96.5 % in-sample sparse 80.0 % in-sample of the faces" in text
    assert "held out" not in text.lower()
    alts = re.findall(r'<img alt="([^"]*)"', html)
    assert "30.6\u00a0% in dense, 12.0\u00a0% in sparse" in alts[0]  # what the picture shows, with values
    assert "ent not finite in dense, 5.25 in sparse" in alts[1]
    assert re.findall(r'<figure id="(\w+)"', html) == ["decoder", "curves"]  # in the page's order, drawn ones alone
    assert html.count('width="30" height="20" src="data:image/png;base64,') == 2
    assert "\n\n\n" not in html


def test_report__people_held_out_have_rows_of_their_own_but_for_what_is_the_decoders():
    metrics = METRICS | {"held_out": {"rec": 41.25, "l0": 270.0, "reg": 1.0, "effective_area": 0.3}}
    text = text_of(render_report(report(metrics={"dense": metrics, "sparse": metrics})))
    assert "Reconstruction error (rec), on faces held out 41.25 41.25" in text
    assert "Active units per face (L0), on faces held out 270.0 270.0" in text
    assert text.count("on faces held out") == 2


def test_report__values_of_refits_stand_beside_those_in_sample_and_say_which_is_which():
    values = {"dense": {"explained_variance": 0.91, "psnr": 28.0}, "sparse": {"explained_variance": 0.79, "psnr": 24.0}}
    metrics = {name: METRICS | {"held_out": of} for name, of in values.items()}
    text = text_of(render_report(report(metrics=metrics)))
    assert "dense 96.5 % in-sample 91.0 % held out sparse 96.5 % in-sample 79.0 % held out" in text
    assert "dense 30.4 in-sample 28.0 held out sparse 30.4 in-sample 24.0 held out" in text
    assert "Of people held out, they explain 79.0 % (sparse) and 91.0 % (dense). In training" in text
    assert "each model was trained once more without some of the people" in text
    assert "PSNR, dB, on faces held out 28.00 24.00" in text
    text = text_of(render_report(report(metrics=metrics, settings=SETTINGS | {"standardize": {"holdout": 0.2}})))
    assert "trained once more" not in text
    assert "people whose faces no model was trained on" in text


def test_common_scales__span_zero_and_all_intervals_of_a_unit_with_round_ticks():
    in_db = CLAIM | {"measure": "PSNR, dB", "difference": -5.8, "interval": [-5.9, -5.7]}
    unknown = CLAIM | {"difference": None, "interval": None}
    assert common_scales([CLAIM, in_db, unknown]) == {
        "share": pytest.approx([0, 0.1, 0.2, 0.3, 0.4]),
        "dB": pytest.approx([-6, -4.5, -3, -1.5, 0]),
    }


def test_report__intervals_of_one_unit_are_drawn_on_one_scale():
    claims = [CLAIM, CLAIM | {"difference": 0.1615, "interval": [0.155, 0.165]}, CLAIM | {"measure": "PSNR, dB"}]
    html = render_report(report(claims={"claims": claims}))
    drawn = re.findall(r'<svg class="interval.*?</svg>', html, re.DOTALL)
    zeros = [float(re.search(r'class="zero" x1="([\d.]+)"', svg)[1]) for svg in drawn]
    dots = [float(re.search(r'cx="([\d.]+)"', svg)[1]) for svg in drawn]
    assert zeros[0] == zeros[1]
    assert dots[0] - zeros[0] == pytest.approx(2 * (dots[1] - zeros[1]), abs=0.2)
    assert ["<text" in svg for svg in drawn] == [True, False, True]  # the ticks' numbers: once a unit
    assert "0.323, interval from 0.310 to 0.330" in drawn[0]

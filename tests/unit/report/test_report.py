import io
import json
import re

import pytest
from PIL import Image

from sparsefaces.report.page import Report, interval_bar, render_report

METRICS = {
    "rec": 35.7,
    "explained_variance": 0.9655,
    "psnr": 30.4,
    "spa": 421.4,
    "l0": 274.4,
    "hoyer": 0.42,
    "ent": None,
    "silent_units": 1,
    "reg": 213.7,
    "effective_area": 0.306,
}
MODELS = {"train_dense": {"lambda": 0.0}, "train_sparse": {"lambda": 0.0, "activation": "topk", "k": 40}}
CLAIM = {
    "claim": "Sparse is <b>sparser</b>",
    "measure": "Hoyer sparsity",
    "dense": 0.42,
    "sparse": 0.743,
    "difference": 0.323,
    "interval": [0.31, 0.33],
    "null": None,
    "verdict": "holds",
}


def report(**changes):
    provenance = {"source": "orl", "wanted": "orl", "fallback_reason": None, "images": 400, "people": 40}
    values = {
        "provenance": provenance | {"height": 3, "width": 2},
        "metrics": {"dense": METRICS, "sparse": METRICS},
        "claims": {},
        "figures": {},
        "page": None,
        "settings": {"train": {"seed": 1}} | MODELS,
        "hashes": {"X.npy": "abc"},
    }
    return Report(**values | changes)


def test_report__escapes_what_it_is_given_and_lets_nothing_break_out_of_its_data():
    attack = "</script><script>alert(1)</script><!--"
    html = render_report(report(claims={"claims": [CLAIM | {"measure": attack}]}, page={"attack": attack}))
    assert attack not in html
    assert "<b>sparser</b>" not in html
    inside = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert json.loads(inside[1]) == {"attack": attack}


def test_report__says_at_the_top_on_which_faces_it_compares():
    html = render_report(report(claims={"claims": [CLAIM], "sample": "Compared on 40 of the 60 faces."}))
    assert "Compared on 40 of the 60 faces." in html.partition("<h2")[0]


def test_report__counts_verdicts_and_groups_the_measures_of_a_claim():
    open_ = CLAIM | {"verdict": "not decided", "interval": None, "difference": None, "dense": None, "measure": "Gini"}
    fails = CLAIM | {"claim": "Another", "verdict": "does not hold", "null": {"dense": 0.5, "sparse": None}}
    html = render_report(report(claims={"claims": [CLAIM, CLAIM, open_, fails], "notes": ["JPEG wins."]}))
    text = text_of(html)
    assert "Of 4 measured claims about them, 2 hold, 1 does not hold and 1 is not decided." in text
    assert html.count("Sparse is &lt;b&gt;") == 1
    assert "shuffled 0.500" in text
    assert "JPEG wins." in text


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
    assert "dense has lambda 0 and sparse has top-k 40." in text
    for words in ("dense model keeps 274 units active per face and explains 96.5%", "sparse model keeps 62 units"):
        assert words in text
    assert "measured claims" not in text
    assert "Active units per face dense 274 sparse 62" in text
    assert "A filter covers dense 31% sparse 12%" in text
    assert "Sum of 1 / mean activation (ent) not finite 5.2" in text
    assert "Units silent on every face 1 3" in text
    assert "held out" not in text
    assert re.findall(r'<figure id="(\w+)"', html) == ["decoder", "curves"]  # in the page's order, drawn ones alone
    assert html.count('width="30" height="20" src="data:image/png;base64,') == 2
    assert "\n\n\n" not in html


def test_report__people_held_out_have_rows_of_their_own_but_for_what_is_the_decoders():
    metrics = METRICS | {"held_out": {"rec": 41.25, "l0": 270.0, "reg": 1.0, "effective_area": 0.3}}
    text = text_of(render_report(report(metrics={"dense": metrics, "sparse": metrics})))
    assert "Reconstruction error (rec), on faces held out 41.25 41.25" in text
    assert "Active units per face (L0), on faces held out 270.0 270.0" in text
    assert text.count("on faces held out") == 2


@pytest.mark.parametrize(
    ("interval", "difference", "bar"),
    [
        ([2, 4], 3, {"zero": 4.0, "start": 50.0, "width": 46.0, "dot": 73.0}),
        ([-4, -2], -3, {"zero": 96.0, "start": 4.0, "width": 46.0, "dot": 27.0}),
        ([1, 1], 2, {"zero": 4.0, "start": 50.0, "width": 1.5, "dot": 96.0}),  # never too thin to see
        ([0, 0], 0, {"zero": 4.0, "start": 4.0, "width": 1.5, "dot": 4.0}),
    ],
)
def test_interval_bar__is_to_scale(interval, difference, bar):
    assert interval_bar({"interval": interval, "difference": difference}) == bar

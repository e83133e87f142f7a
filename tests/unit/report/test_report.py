import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from sparsefaces.report.page import Report, interval_bar, render_report, short_figure
from sparsefaces.report.payload import make_sprite, pack, quantize, to_grey
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.training.model import Model
from sparsefaces.training.weights import initialize

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


def dataset(n=50, shape=(6, 5)):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, shape[0] * shape[1])).astype(np.float32)
    return Dataset(X, np.full(X.shape[1], 0.5, np.float32), 0.1, shape, np.ones(len(X), bool))


def models(data, h=8):
    weights = initialize(data.X.shape[1], h, seed=1)
    W = np.random.default_rng(2).standard_normal(weights.W.shape).astype(np.float32)
    return {"dense": Model(weights._replace(W=W)), "sparse": Model(weights._replace(W=2 * W))}


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
    text = " ".join(re.sub("<[^>]+>", " ", html).split())
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
    data = dataset(n=4, shape=(100, 100))
    assert pack(data, models(data, h=300), {}) is None
    html = render_report(report(page=None))
    assert "too large" in html
    assert 'id="units-grid"' not in html


@pytest.mark.parametrize(
    ("interval", "difference"), [([0.31, 0.33], 0.32), ([-0.3, 0.1], -0.1), ([-3, -1], -2), ([0, 0], 0)]
)
def test_interval_bar__stays_on_its_line_with_the_difference_within(interval, difference):
    bar = interval_bar({"interval": interval, "difference": difference})
    assert 4 <= bar["start"] <= bar["dot"] <= bar["start"] + bar["width"] <= 98
    assert 4 <= bar["zero"] <= 96
    assert (bar["zero"] < bar["start"]) == (interval[0] > 0)


def test_short_figure__three_digits_and_no_exponent():
    shown = [short_figure(value) for value in (12345.6, 0.01234, -2.0, 0, None, float("inf"))]
    assert shown == ["12,346", "0.0123", "\u22122.00", "0", "none", "inf"]


def test_quantize__is_off_by_half_a_step_at_most_and_keeps_zeros():
    W = np.random.default_rng(0).standard_normal((20, 30)).astype(np.float32) * np.logspace(-6, 3, 20)[:, None]
    W = W.astype(np.float32)
    W[3] = 0
    q, step = quantize(W)
    assert q.dtype == np.int8
    assert (np.abs(q * step[:, None] - W) <= 0.501 * step[:, None]).all()
    assert (q[3] == 0).all()
    assert np.abs(q[4]).max() == 127


@pytest.mark.parametrize("count", [1, 7, 50])
def test_sprite__has_every_face_at_its_place(count):
    data = dataset()
    # Smooth faces, which a JPEG of this quality keeps within a few grey levels.
    ramp = np.linspace(0, 1, count)[:, None] * np.linspace(-4, 4, 30)[None]
    faces = to_grey(ramp.astype(np.float32), data)
    sprite = make_sprite(faces)
    with Image.open(io.BytesIO(sprite.jpeg)) as image:
        sheet = np.asarray(image).astype(int)
    (cell_height, cell_width), (height, width) = sprite.cell, sprite.face
    for place, face in enumerate(faces):
        y, x = place // sprite.columns * cell_height, place % sprite.columns * cell_width
        assert np.abs(sheet[y : y + height, x : x + width] - face).max() < 20


def test_sprite__too_many_pixels_are_made_fewer(monkeypatch):
    monkeypatch.setattr("sparsefaces.report.payload.SPRITE_PIXELS", 500)
    sprite = make_sprite(to_grey(dataset().X, dataset()))
    assert sprite.face == (3, 2)
    assert sprite.cell == (8, 8)


def test_pack__carries_what_decodes_each_face_of_the_editor():
    data = dataset()
    weights = models(data)
    codes = {name: model.encode(data.X) for name, model in weights.items()}
    page = pack(data, weights, codes)
    page = json.loads(json.dumps(page, allow_nan=False))
    for name, model in weights.items():
        packed = {key: base64.b64decode(page["models"][name][key]) for key in ("filters", "steps", "bias", "codes")}
        W = np.frombuffer(packed["filters"], np.int8).reshape(8, 30) * np.frombuffer(packed["steps"], "<f4")[:, None]
        codes = np.frombuffer(packed["codes"], "<f4").reshape(-1, 8)
        X = data.X[page["editor"]["faces"]]
        Z = model.encode(X)
        assert codes == pytest.approx(Z, abs=1e-5)
        half_a_step = Z.sum(axis=1, keepdims=True) * np.abs(model.filters).max() / 127 / 2
        assert (np.abs(codes @ W - Z @ model.filters) <= half_a_step + 1e-4).all()


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
        "The sparse one has 62 active units per face, on average, while the dense one has 274, and explains 80.0% of "
        "the variance while the dense one explains 96.5%." in text
    )
    assert "measured claims" not in text
    assert "Active units per face dense 274 sparse 62" in text
    assert "A filter covers dense 31% sparse 12%" in text
    assert "Sum of 1 / mean activation (ent) not finite 5.2" in text
    assert "Units silent on every face 1 3" in text
    assert "held out" not in text
    assert re.findall(r'<figure id="(\w+)"', html) == ["decoder", "curves"]  # in the page's order, drawn ones alone
    assert html.count('width="30" height="20" src="data:image/png;base64,') == 2
    assert "\n\n\n" not in html


def test_report__people_held_out_have_rows_of_their_own_but_for_the_decoders_norm():
    metrics = METRICS | {"held_out": {"rec": 41.25, "l0": 270.0, "reg": 1.0}}
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


def test_to_grey__turns_standardised_pixels_into_all_greys_and_cuts_what_is_beyond():
    data = dataset()
    X = np.zeros((1, 30), np.float32)
    X[0, :4] = [0, -5, 5, 60]  # mean 0.5, scale 0.1
    assert to_grey(X, data)[0].ravel()[:4].tolist() == [128, 0, 255, 255]


def test_pack__names_faces_by_number_and_finds_them_by_place():
    data = dataset(n=12)
    weights = models(data)
    codes = {name: model.encode(data.X) for name, model in weights.items()}
    codes["sparse"] = codes["sparse"] * (np.arange(8) != 3)  # one unit never fires
    page = pack(data, weights, codes)
    units = page["models"]["sparse"]
    assert units["state"] == ["alive"] * 3 + ["dead"] + ["alive"] * 4
    assert (units["faces"][3], units["frequency"][3]) == ([], 0)
    shown = sorted({face for name in codes for faces in page["models"][name]["faces"] for face in faces})
    for faces, places, code in zip(units["faces"], units["places"], codes["sparse"].T, strict=True):
        assert [shown[place] for place in places] == faces
        assert faces == [face for face in np.argsort(-code, kind="stable")[:9] if code[face] > 0]
    assert units["mean"] == pytest.approx(codes["sparse"].mean(0), rel=1e-3)
    assert (page["height"], page["width"], page["scale"]) == (6, 5, 0.1)
    assert page["editor"]["faces"][0] == 0
    assert page["editor"]["faces"][-1] == 11
    assert len(base64.b64decode(page["editor"]["pixels"])) == len(page["editor"]["faces"]) * 30


@pytest.mark.parametrize(("limit", "value"), [("MOST_UNITS", 8), ("MOST_WEIGHTS", 2 * 8 * 30)])
def test_pack__takes_models_up_to_its_limits(monkeypatch, limit, value):
    data = dataset(n=4)
    weights = models(data)
    codes = {name: np.zeros((4, 8), np.float32) for name in weights}
    monkeypatch.setattr(f"sparsefaces.report.payload.{limit}", value)
    page = pack(data, weights, codes)
    assert page["sprite"] is None  # no face excites any unit
    monkeypatch.setattr(f"sparsefaces.report.payload.{limit}", value - 1)
    assert pack(data, weights, codes) is None

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from sparsefaces.report.payload import LEVELS, deflate, make_sprite, pack, pack_filters, quantize, to_grey
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.training.model import Model
from sparsefaces.training.weights import initialize


def dataset(n=50, shape=(6, 5)):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, shape[0] * shape[1])).astype(np.float32)
    return Dataset(X, np.full(X.shape[1], 0.5, np.float32), 0.1, shape, np.ones(len(X), bool))


def encoded(n):
    """Faces, two models, and their codes of the faces."""
    data, weights = dataset(n), initialize(30, 8, seed=1)
    W = np.random.default_rng(2).standard_normal(weights.W.shape).astype(np.float32)
    models = {"dense": Model(weights._replace(W=W)), "sparse": Model(weights._replace(W=2 * W))}
    return data, models, {name: model.encode(data.X) for name, model in models.items()}


def test_quantize__is_off_by_half_a_step_at_most_and_keeps_zeros():
    W = np.random.default_rng(0).standard_normal((20, 30)).astype(np.float32) * np.logspace(-6, 3, 20)[:, None]
    W = W.astype(np.float32)
    W[3] = 0
    q, step = quantize(W)
    assert q.dtype == np.int8
    assert (np.abs(q * step[:, None] - W) <= 0.501 * step[:, None]).all()
    assert (q[3] == 0).all()
    assert np.abs(q[4]).max() == LEVELS


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


def unpack_filters(letters, shape):
    """Undo pack_filters as the page does, weight by weight."""
    q = np.zeros((len(letters) // (shape[0] * shape[1]), shape[0] + 1, shape[1] + 1), int)
    differences = np.frombuffer(letters.encode(), np.uint8).reshape(-1, *shape).astype(int) - 35
    for unit, y, x in np.ndindex(differences.shape):
        corner, above, left = q[unit, y, x], q[unit, y, x + 1], q[unit, y + 1, x]
        foretold = (3 * (left + above) - 2 * corner) // 4
        q[unit, y + 1, x + 1] = (differences[unit, y, x] + foretold) % (2 * LEVELS + 1) - LEVELS
    return q[:, 1:, 1:]


def test_pack_filters__can_be_undone_and_writes_ascii():
    q = np.random.default_rng(0).integers(-LEVELS, LEVELS + 1, (4, 6, 5)).astype(np.int8)
    q[0], q[1, ::2] = LEVELS, -LEVELS
    letters = pack_filters(q)
    assert letters.isascii()
    assert letters.isprintable()
    assert np.array_equal(unpack_filters(letters, (6, 5)), q)


def read(page):
    """The values that a page carries, as its script reads them."""
    return json.loads(zlib.decompress(base64.b64decode(deflate(page)))[1:])


def test_pack__carries_what_decodes_each_face_of_the_editor_and_how_far_off():
    data, weights, codes = encoded(50)
    page = read(pack(data, weights, codes))
    for name, model in weights.items():
        packed = page["models"][name]
        steps = np.frombuffer(base64.b64decode(packed["steps"]), "<f4")
        W = unpack_filters(packed["filters"], data.shape).reshape(8, 30) * steps[:, None]
        X = data.X[page["editor"]["faces"]]
        Z = model.encode(X)
        assert np.array(packed["codes"]) == pytest.approx(Z, rel=1e-3)
        assert np.frombuffer(base64.b64decode(packed["bias"]), "<f4") == pytest.approx(model.weights.a)
        error = Z @ W - Z @ model.filters
        half_a_step = Z.sum(axis=1, keepdims=True) * np.abs(model.filters).max() / LEVELS / 2
        assert (np.abs(error) <= half_a_step + 1e-4).all()
        assert packed["rounding"] == pytest.approx(255 * data.scale * np.sqrt((error**2).mean()), rel=0.05)


def test_to_grey__turns_standardised_pixels_into_all_greys_and_cuts_what_is_beyond():
    data = dataset()
    X = np.zeros((1, 30), np.float32)
    X[0, :4] = [0, -5, 5, 60]  # mean 0.5, scale 0.1
    assert to_grey(X, data)[0].ravel()[:4].tolist() == [128, 0, 255, 255]


def test_pack__names_faces_by_number_and_finds_them_by_place():
    data, weights, codes = encoded(12)
    codes["sparse"] = codes["sparse"] * (np.arange(8) != 3)  # one unit never fires
    page = pack(data, weights, codes)
    units = page["models"]["sparse"]
    assert units["state"] == ["alive"] * 3 + ["dead"] + ["alive"] * 4
    assert (units["places"][3], units["frequency"][3]) == ([], 0)
    for places, code in zip(units["places"], codes["sparse"].T, strict=True):
        faces = [page["sprite"]["faces"][place] for place in places]
        assert faces == [face for face in np.argsort(-code, kind="stable")[:6] if code[face] > 0]
    assert units["mean_activation"] == pytest.approx(codes["sparse"].mean(0), rel=1e-3)
    assert (page["height"], page["width"], page["scale"]) == (6, 5, 0.1)
    assert page["editor"]["faces"][0] == 0
    assert page["editor"]["faces"][-1] == 11
    assert len(page["editor"]["pixels"]) == len(page["editor"]["faces"]) * 30


@pytest.mark.parametrize(("limit", "value"), [("MOST_UNITS", 8), ("MOST_WEIGHTS", 2 * 8 * 30)])
def test_pack__takes_models_up_to_its_limits(monkeypatch, limit, value):
    data, weights, _ = encoded(4)
    codes = {name: np.zeros((4, 8), np.float32) for name in weights}
    monkeypatch.setattr(f"sparsefaces.report.payload.{limit}", value)
    page = pack(data, weights, codes)
    assert page["sprite"] == {"faces": []}  # no face excites any unit
    monkeypatch.setattr(f"sparsefaces.report.payload.{limit}", value - 1)
    assert pack(data, weights, codes) is None

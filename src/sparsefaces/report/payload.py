"""What the report's page computes with, small enough to lie inside it: weights, codes, units and faces."""

import base64
import io
import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparsefaces.base.arrays import Array
from sparsefaces.base.mosaics import mosaic
from sparsefaces.metrics import rounded
from sparsefaces.report.units import Units, describe_units
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.training.model import Model

EDITOR_FACES = 32
# The page stays below 15 MB: what would take more is left out, and the page says so.
MOST_UNITS, MOST_WEIGHTS, SPRITE_PIXELS = 4000, 5_000_000, 8_000_000
BLOCK = 8  # JPEG's: a cell of whole blocks keeps one face from bleeding into the next
JPEG_QUALITY = 45  # of faces that the page shows as large as a fingernail
LEVELS = 45  # of a weight, on either side of zero: what is packed of it is then one letter of ASCII
FIRST_LETTER = 35


class Sprite(NamedTuple):
    """Many faces in one picture.

    Attributes:
        jpeg: The picture.
        columns: Faces per row.
        cell: (height, width) of a face's place.
        face: (height, width) of the face, at its place's upper left.
    """

    jpeg: bytes
    columns: int
    cell: tuple[int, int]
    face: tuple[int, int]


def pack(data: Dataset, models: Mapping[str, Model], codes: Mapping[str, Array]) -> dict[str, Any] | None:
    """Pack what the explorer and the editor need.

    Args:
        data: The faces.
        models: The models by name.
        codes: Their codes of the faces, (N, h), by name.

    Returns:
        Values that `deflate` takes; None if the models are too large for a page.
    """
    sizes = [model.filters.shape for model in models.values()]
    if max(h for h, _ in sizes) > MOST_UNITS or sum(h * d for h, d in sizes) > MOST_WEIGHTS:
        return None
    units = {name: describe_units(codes[name], model.filters, data.shape) for name, model in models.items()}
    examples = np.unique(np.concatenate([described.faces.ravel() for described in units.values()]))
    examples = examples[examples >= 0]
    edited = np.unique(np.linspace(0, len(data.X) - 1, EDITOR_FACES).round().astype(int))  # spread over the people
    sprite = make_sprite(to_grey(data.X[examples], data))._asdict() if len(examples) else {}
    return {
        **dict(zip(("height", "width"), data.shape, strict=True)),
        "scale": data.scale,
        "mean": _floats(data.mean),
        "levels": LEVELS,
        "sprite": sprite | {"faces": examples.tolist()},
        "editor": {"faces": edited.tolist(), "pixels": to_grey(data.X[edited], data).tobytes()},
        "models": {
            name: pack_weights(model, codes[name][edited], data) | _pack_units(units[name], examples)
            for name, model in models.items()
        },
    }


def deflate(page: Mapping[str, Any]) -> str:
    """Deflate a page's values, in base64, by Pillow: its zlib is locked, the system's could give other bytes.

    Deflated is the row of pixels that a PNG would have: one byte, and the values as JSON, bytes among them in base64.
    """
    row = json.dumps(page, separators=(",", ":"), allow_nan=False, default=_base64).encode()
    return _base64(Image.frombytes("P", (len(row), 1), row).tobytes("zip", ("P", False, 9, Image.FILTERED)))


def quantize(W: Array) -> tuple[NDArray[np.int8], Array]:
    """Round filters, (h, d), to LEVELS steps on either side of zero, each by its own largest weight.

    Returns:
        Whole numbers q in [-LEVELS, LEVELS], (h, d), and steps s, (h,), with W about q s: off by s / 2 at most.
    """
    peak = np.abs(W).max(axis=1)
    step = np.where(peak > 0, peak / LEVELS, 1).astype(np.float32)
    return np.rint(W / step[:, None]).astype(np.int8), step


def pack_weights(model: Model, codes: Array, data: Dataset) -> dict[str, Any]:
    """Pack what decodes: filters in few levels, their steps, the bias, codes, and how far off the pictures then are."""
    q, step = quantize(model.filters)
    error = codes @ (q * step[:, None] - model.filters) * data.scale * 255
    return {
        "filters": pack_filters(q.reshape(-1, *data.shape)),
        "steps": _floats(step),
        "bias": _floats(model.weights.a),
        "codes": [_short(code) for code in codes],
        "rounding": rounded(float(np.sqrt(np.square(error).mean())), 2),
    }


def pack_filters(q: NDArray[np.int8]) -> str:
    """Write filters, (h, height, width), a letter per weight: what its neighbours left and above do not foretell.

    Such differences are small, most of them, and deflate to two thirds.
    """
    before = np.pad(q.astype(int), ((0, 0), (1, 0), (1, 0)))
    left, above, corner = before[:, 1:, :-1], before[:, :-1, 1:], before[:, :-1, :-1]
    letters = (q - (3 * (left + above) - 2 * corner) // 4 + LEVELS) % (2 * LEVELS + 1) + FIRST_LETTER
    return bytes(letters.astype(np.uint8)).decode("ascii")


def to_grey(X: Array, data: Dataset) -> NDArray[np.uint8]:
    """Turn standardised faces, (n, d), into 8-bit grey, (n, height, width)."""
    return np.asarray((data.to_images(X) * 255).round().astype(np.uint8))


def make_sprite(faces: NDArray[np.uint8]) -> Sprite:
    """Lay faces, (n, height, width), out in one JPEG; so many that it would be too large, at half size or less."""
    count, height, width = faces.shape
    factor = math.ceil(math.sqrt(faces.size / SPRITE_PIXELS))
    block = BLOCK * factor
    below, right = -height % block, -width % block
    # The last row and column are repeated: an edge would cost bytes and ring.
    padded = np.pad(faces, ((0, 0), (0, below), (0, right)), mode="edge")
    columns = math.ceil(math.sqrt(count))
    picture = mosaic(padded.astype(np.float32), columns, gap=0, background=0)
    file = io.BytesIO()
    smaller = Image.fromarray(picture.astype(np.uint8)).reduce(factor)
    smaller.save(file, "jpeg", quality=JPEG_QUALITY, optimize=True, progressive=True)
    cell = ((height + below) // factor, (width + right) // factor)
    return Sprite(file.getvalue(), columns, cell, (height // factor, width // factor))


def _pack_units(units: Units, examples: NDArray[np.int64]) -> dict[str, Any]:
    """Pack the units' figures; a face is found by its place in the sprite."""
    return {
        **{name: _short(values) for name, values in units._asdict().items() if values.ndim == 1},
        "state": units.state.tolist(),
        "places": [np.searchsorted(examples, row[row >= 0]).tolist() for row in units.faces],
        "neighbours": units.neighbours.tolist(),
        "similarity": [_short(row) for row in units.similarity],
    }


def _short(values: NDArray[Any]) -> list[float | None]:
    """Round to four digits, as many as anybody reads; what is not finite is None."""
    return [rounded(value, 4) for value in values]


def _floats(values: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

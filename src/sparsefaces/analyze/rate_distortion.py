"""The curves of rate and distortion, and what they say: fitted on some people, judged on others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.analyze.baselines import principal_components
from sparsefaces.analyze.compression import (
    LinearCode,
    Point,
    autoencoder_code,
    curve,
    dct_atoms,
    keep_strongest,
    orthogonal_code,
    point,
)
from sparsefaces.analyze.jpeg import jpeg_curve
from sparsefaces.analyze.methods import rounded_all
from sparsefaces.base.arrays import Array
from sparsefaces.metrics import BITS_PER_ACTIVATION, code_bits
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.training.model import Model

SHARES = (1, 2, 4, 8, 16, 20, 32, 40, 64, 80, 128, 160, 240, 320, 400)  # of 400 units, how many are kept
STRIP_SHARES, STRIP_FACES = (5, 10, 20, 40, 80), 2
COMPARED_SHARES = (20, 40, 80)
LEAST_GAIN = 0.05  # dB: a smaller one is written 0.0
STRIP_METHODS = ("PCA first", "DCT")  # below the models


class Strip(NamedTuple):
    """Faces at several rates.

    Attributes:
        originals: (n, height, width).
        bits: The size of a face that each column may have.
        rows: By method, (columns, n, height, width).
    """

    originals: NDArray[np.float32]
    bits: list[float]
    rows: dict[str, NDArray[np.float32]]


class Rates(NamedTuple):
    """What compression was measured.

    Attributes:
        points: All points, method after method.
        strip: Faces of people held out at several rates.
        few: By model, numbers of units kept, and the point with so many.
        notes: What it says, in sentences.
    """

    points: list[Point]
    strip: Strip
    few: dict[str, list[tuple[int, Point]]]
    notes: list[str]


def trace_rates(
    data: Dataset,
    train_mask: NDArray[np.bool_],
    people: int,
    models: Mapping[str, Model],
    jpeg: Mapping[str, NDArray[Any]],
) -> Rates:
    """Trace every method's curve on the people held out.

    Args:
        data: All faces.
        train_mask: Which faces the models were fitted on, (N,); the others are held out.
        people: How many people these others are.
        models: By name.
        jpeg: What `code_as_jpeg` says of the others.
    """
    fitting, held_out = data.rows(train_mask)[:], data.rows(~train_mask)[:]
    units = len(next(iter(models.values())).filters)
    codes = linear_codes(models, fitting, held_out, data.shape)
    points = []
    for name, code in codes.items():
        points += curve(name, code, held_out, kept_counts(SHARES, units, len(code.atoms)), data.scale)
    points += jpeg_curve(jpeg)
    compared = kept_counts(COMPARED_SHARES, units, units)
    few = {name: [(k, point(name, codes[name], held_out, k, data.scale)) for k in compared] for name in models}
    text = notes(points, [*models], (len(fitting), len(held_out), people))
    return Rates(points, _strip(codes, [*models], held_out, data, units), few, text)


def linear_codes(
    models: Mapping[str, Model], fitting: Array, held_out: Array, shape: tuple[int, int]
) -> dict[str, LinearCode]:
    """Describe every linear method's code by its name."""
    components, mean = principal_components(fitting, len(next(iter(models.values())).filters))
    atoms = dct_atoms(shape)
    return {name: autoencoder_code(model, fitting, held_out) for name, model in models.items()} | {
        "PCA first": orthogonal_code(components, mean, fitting, held_out, chosen=False),
        "PCA best": orthogonal_code(components, mean, fitting, held_out, chosen=True),
        "DCT": orthogonal_code(atoms, mean, fitting, held_out, chosen=True),
    }


def kept_counts(shares: Sequence[int], units: int, most: int) -> list[int]:
    """Turn numbers of units of 400 into numbers of so many units, at most as many as there are.

    >>> kept_counts((1, 20, 400), units=12, most=10)
    [1, 10]
    """
    return sorted({min(max(round(share * units / 400), 1), most) for share in shares})


def decode_at(code: LinearCode, bits: float, faces: int) -> Array:
    """Decode the first faces, as many coefficients each as fit into so many bits, at least one."""
    counts = np.arange(1, len(code.atoms) + 1)
    sizes = code_bits(counts, len(code.atoms)) if code.chosen else counts * float(BITS_PER_ACTIVATION)
    over = np.flatnonzero(sizes > bits * (1 + 1e-9))
    k = max(int(over[0]) if len(over) else len(counts), 1)
    codes, _ = keep_strongest(replace(code, codes=code.codes[:faces]), k)
    return np.asarray(codes @ code.atoms + code.offset)


def _strip(codes: Mapping[str, LinearCode], models: Sequence[str], held_out: Array, data: Dataset, units: int) -> Strip:
    budgets = code_bits(np.array(kept_counts(STRIP_SHARES, units, units)), units).tolist()
    rows = {
        name: np.stack([data.to_images(decode_at(codes[name], bits, STRIP_FACES)) for bits in budgets])
        for name in (*reversed(models), *STRIP_METHODS)
    }
    return Strip(data.to_images(held_out[:STRIP_FACES]), budgets, rows)


def table(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Write points as rows of rate_distortion.csv; what is not known is left empty."""
    return [
        {"method": point.method}
        | rounded_all({"coefficients": point.coefficients, "bits": point.bits, "psnr": point.psnr})
        for point in points
    ]


def notes(points: Sequence[Point], models: Sequence[str], counts: tuple[int, int, int]) -> list[str]:
    """Say where each model but the first wins over each other method, and where not, at equal bits and equal numbers.

    Args:
        points: All points.
        models: The models' names.
        counts: Faces that were fitted on, faces that were judged, and people whose these are.
    """
    methods = list(dict.fromkeys(point.method for point in points))
    curves = {method: [point for point in points if point.method == method] for method in methods}
    fitted, held_out, people = counts
    whose = (
        f"{held_out:,} of {people:,} other people" if people < held_out else f"{held_out:,} others"
    )  # or nobody knows
    lines = [
        f"Fitted on {fitted:,} faces, judged on {whose}; "
        f"{BITS_PER_ACTIVATION} bits per coefficient; PSNR of all faces judged. What all faces share is not "
        f"counted: atoms, mean face, ranges, JPEG's headers and tables. The amplitudes kept are not fitted again."
    ]
    for model in models[1:]:
        for method in (name for name in methods if name != model):
            lines.append(_compare(model, curves[model], curves[method], "bits"))
            if curves[method][0].coefficients is not None:
                lines.append(_compare(model, curves[model], curves[method], "coefficients"))
    return lines


def _compare(model: str, mine: Sequence[Point], other: Sequence[Point], axis: str) -> str:
    """Compare two curves at the model's points, the other's PSNR interpolated, if both have any."""
    method = other[0].method
    x, y = (np.array([getattr(point, name) for point in other], float) for name in (axis, "psnr"))
    known = [(getattr(p, axis), p.psnr) for p in mine if x.min() <= getattr(p, axis) <= x.max()]
    if not known or not np.isfinite(y).all():
        return f"Against {method}, at equal {axis}: no rate in common."
    at = np.array([position for position, _ in known])
    # Curves are nearly straight in the logarithm.
    gains = np.array([value for _, value in known]) - np.interp(np.log(at), np.log(x), y)
    runs = np.split(np.arange(len(at)), np.flatnonzero(np.diff(gains > 0)) + 1)  # of wins and of losses, in turn
    text = ", ".join(_say(at[run], gains[run]) for run in runs)
    return f"Against {method}, at equal {axis}: the {model} code {text} {axis} per face."


def _say(at: NDArray[np.float64], gains: NDArray[np.float64]) -> str:
    word, most = "wins" if gains[0] > 0 else "loses", np.abs(gains).max()
    text = f"{word} by up to {most:.1f} dB" if most >= LEAST_GAIN else "is level"
    return f"{text} from {at[0]:,.0f} to {at[-1]:,.0f}"

"""The curves of rate and distortion: fitted on some people, judged on others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.analyze.baselines import principal_components
from sparsefaces.analyze.compression import (
    HeldOut,
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
from sparsefaces.metrics import BITS_PER_ACTIVATION, code_bits, total_variance
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.training.model import Model

SHARES = (1, 2, 4, 8, 16, 20, 32, 40, 64, 80, 128, 160, 240, 320, 400)  # of 400 units, how many are kept
STRIP_SHARES, STRIP_FACES = (5, 10, 20, 40, 80), 2
COMPARED_SHARES = (20, 40, 80)
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
        held_out: What each model leaves of the people held out.
    """

    points: list[Point]
    strip: Strip
    held_out: dict[str, HeldOut]


def trace_rates(
    data: Dataset,
    train_mask: NDArray[np.bool_],
    people: NDArray[np.int32],
    models: Mapping[str, Model],
    jpeg: Mapping[str, NDArray[Any]],
) -> Rates:
    """Trace every method's curve on the people held out.

    Args:
        data: All faces.
        train_mask: Which faces the models were fitted on, (N,); the others are held out.
        people: Whose faces they are, (N,).
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
    variance = total_variance(held_out) * data.scale**2 / held_out.shape[1]
    few_counts, left = kept_counts(COMPARED_SHARES, units, units), {}
    for name in models:
        few = [(k, point(name, codes[name], held_out, k, data.scale)) for k in few_counts]
        residual = codes[name].codes @ codes[name].atoms + codes[name].offset - held_out
        errors = np.square(residual).mean(axis=1, dtype=np.float64) * data.scale**2
        left[name] = HeldOut(errors, few, people[~train_mask], variance)
    return Rates(points, _strip(codes, [*models], held_out, data, units), left)


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

"""Rate and distortion: what a face costs in bits, and what is left of it.

A linear code keeps k coefficients of a face, sends each with q bits and, if they may be any, which ones they
are. Sizes are those of an ideal enumerative code (`metrics.code_bits`); k itself, and whatever all faces share
(atoms, mean face, ranges of the coefficients), are not counted, for no method.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from sparsefaces.base.arrays import Array
from sparsefaces.metrics import BITS_PER_ACTIVATION, code_bits, psnr
from sparsefaces.training.model import Model


@dataclass(frozen=True)
class LinearCode:
    """Codes of faces, codes @ atoms + offset, and how they are sent.

    Attributes:
        codes: (N, n), of the faces to judge on.
        atoms: (n, d), in the units of the faces.
        offset: (d,).
        low: Smallest value of each coefficient on the faces that were fitted, (n,); zero if none is negative.
        high: Largest value, (n,).
        chosen: Whether each face keeps its own strongest coefficients, which then have to be named; otherwise
            all keep the first.
    """

    codes: Array
    atoms: Array
    offset: Array
    low: Array
    high: Array
    chosen: bool = True

    @cached_property
    def rank(self) -> NDArray[np.int32]:
        """The place at which each coefficient is kept, (N, n): by its contribution |z_j| |w_j|, equal ones in order."""
        places = np.arange(self.codes.shape[1], dtype=np.int32)
        if not self.chosen:
            return np.broadcast_to(places, self.codes.shape)
        contributions = np.abs(self.codes) * np.linalg.norm(self.atoms, axis=1)
        rank = np.empty(self.codes.shape, np.int32)
        order = np.argsort(-contributions, axis=1, kind="stable")
        np.put_along_axis(rank, order, places[None], axis=1)
        return rank


class Point(NamedTuple):
    """One point of a method's curve.

    Attributes:
        method: The method.
        coefficients: Mean number that a face keeps; None if it is not known (JPEG).
        bits: Mean size of a face.
        errors: Mean squared error of each face's pixels, (N,), pixels in [0, 1].
    """

    method: str
    coefficients: float | None
    bits: float
    errors: NDArray[np.float64]

    @property
    def psnr(self) -> float:
        """PSNR in dB, of the mean error of all faces; infinite without any."""
        return float(psnr(self.errors.mean()))


class HeldOut(NamedTuple):
    """What a model leaves of people whom it has not seen.

    Attributes:
        errors: Mean squared error of each face's pixels, (N,), by the whole code.
        few: Numbers of units, and the point with so many of each face's strongest.
        people: Whose faces they are, (N,).
        variance: The mean of the errors if every face is taken for the mean of them.
    """

    errors: NDArray[np.float64]
    few: list[tuple[int, Point]]
    people: NDArray[np.int32]
    variance: float


def autoencoder_code(model: Model, fitting: Array, held_out: Array) -> LinearCode:
    """Describe an autoencoder's code: the strongest contributions |z_j| |w_j|, decoded with W as it is.

    The amplitudes of what is kept are the encoder's: they are not fitted again to make up for what is left out.
    """
    high: Array = model.encode(fitting).max(axis=0)
    return LinearCode(model.encode(held_out), model.filters, model.weights.a, np.zeros_like(high), high)


def orthogonal_code(atoms: Array, mean: Array, fitting: Array, held_out: Array, *, chosen: bool) -> LinearCode:
    """Describe the code in orthonormal atoms, (n, d), about a mean: PCA's components, or DCT's."""
    fitted, codes = (np.asarray((X - mean) @ atoms.T, np.float32) for X in (fitting, held_out))
    return LinearCode(codes, atoms, mean, fitted.min(axis=0), fitted.max(axis=0), chosen)


def dct_atoms(shape: tuple[int, int]) -> Array:
    """Compute the orthonormal DCT-II atoms of images of a shape, (n, n), one per row, low frequencies first.

    First is what zigzag would send first: in the order of the sum of both frequencies.
    """
    n = shape[0] * shape[1]
    # dctn is orthogonal: the coefficients of the unit images are the atoms' pixels.
    atoms = dctn(np.eye(n).reshape(n, *shape), axes=(1, 2), norm="ortho").reshape(n, n).T
    rows, columns = np.divmod(np.arange(n), shape[1])
    return np.ascontiguousarray(atoms[np.argsort(rows / shape[0] + columns / shape[1], kind="stable")], np.float32)


def keep_strongest(code: LinearCode, k: int, bits: int = BITS_PER_ACTIVATION) -> tuple[Array, NDArray[np.int64]]:
    """Keep k quantised coefficients of each face.

    Uniform steps between the smallest and the largest value that the fitted faces have of a coefficient, each
    value in the middle of its step.

    Returns:
        The codes, (N, n), with zeros for what is left out, and the number that each face keeps, (N,): fewer
        than k if fewer are active.
    """
    step = (code.high - code.low) / np.float32(2**bits)
    safe = np.where(step > 0, step, 1)
    level = np.clip(np.floor((code.codes - code.low) / safe), 0, 2**bits - 1)
    values = code.low + (level + np.float32(0.5)) * step
    mask = (code.rank < k) & (code.codes != 0)
    return np.where(mask, values, 0).astype(np.float32), np.count_nonzero(mask, axis=1)


def curve(method: str, code: LinearCode, held_out: Array, ks: Sequence[int], scale: float) -> list[Point]:
    """Trace a linear code's curve: one point for each k, until more are kept of no face.

    Args:
        method: What to call it.
        code: The code of the faces.
        held_out: The faces, (N, d), in standardised units.
        ks: Coefficients to keep, in ascending order.
        scale: Pixel units per standardised unit.
    """
    points: list[Point] = []
    for k in ks:
        following = point(method, code, held_out, k, scale)
        if points and following.coefficients == points[-1].coefficients:
            break
        points.append(following)
    return points


def point(method: str, code: LinearCode, held_out: Array, k: int, scale: float) -> Point:
    """Measure a linear code with k coefficients per face; otherwise as `curve`."""
    codes, active = keep_strongest(code, k)
    residual = codes @ code.atoms + code.offset - held_out
    errors = np.square(residual).mean(axis=1, dtype=np.float64) * scale**2
    bits = code_bits(active, code.codes.shape[1]) if code.chosen else active * float(BITS_PER_ACTIVATION)
    return Point(method, float(active.mean()), float(bits.mean()), errors)

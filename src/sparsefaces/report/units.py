"""Every unit of a model: how often and how strongly it fires, what its filter looks like, which faces excite it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array
from sparsefaces.metrics import effective_area, is_nonzero, spatial_spread, window_energy

FACES, NEIGHBOURS = 6, 6
RARE = 0.001  # a unit that fires on a smaller share of the faces is near-dead


class Units(NamedTuple):
    """What is known of each of h units.

    Attributes:
        frequency: Share of the faces on which the unit fires, (h,), in [0, 1].
        mean_activation: Mean over all faces, (h,).
        usual_activation: Mean over the faces on which it fires, (h,); 0 if there are none.
        area: Effective area of its filter, (h,); NaN for a filter of zeros, and so below.
        spread: Spatial spread of its filter, (h,).
        window: Share of its filter's energy in the best window, (h,); NaN if that is as large as the image.
        faces: Indices of the faces that excite it most, strongest first, (h, k); -1 if it fires on
            fewer than k.
        neighbours: Units with the most similar filters, nearest first, (h, n).
        similarity: Cosine between the unit's filter and those neighbours', (h, n).
    """

    frequency: NDArray[np.float64]
    mean_activation: NDArray[np.float64]
    usual_activation: NDArray[np.float64]
    area: NDArray[np.float64]
    spread: NDArray[np.float64]
    window: NDArray[np.float64]
    faces: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    similarity: Array

    @property
    def state(self) -> NDArray[np.str_]:
        """Tell of each unit whether it is `alive`, `near-dead` (fires on fewer than RARE) or `dead` (never)."""
        return np.select([self.frequency == 0, self.frequency < RARE], ["dead", "near-dead"], "alive")


def describe_units(
    Z: Array, W: Array, shape: tuple[int, int], faces: int = FACES, neighbours: int = NEIGHBOURS
) -> Units:
    """Describe every unit of a model.

    Args:
        Z: Codes of faces, (N, h).
        W: Filters, (h, d).
        shape: (height, width) of a face.
        faces: k, how many of the faces that excite a unit most to name, at most N.
        neighbours: n, how many of the most similar units to name, at most h - 1.
    """
    fires = np.count_nonzero(Z, axis=0)
    total = Z.sum(axis=0, dtype=np.float64)
    nearest, similarity = _nearest_filters(W, neighbours)
    return Units(
        frequency=fires / len(Z),
        mean_activation=total / len(Z),
        usual_activation=total / np.maximum(fires, 1),
        area=_for_each(W, effective_area(W)),
        spread=_for_each(W, spatial_spread(W, shape)),
        window=_for_each(W, window_energy(W, shape)),
        faces=_strongest_faces(Z, faces),
        neighbours=nearest,
        similarity=similarity,
    )


def _strongest_faces(Z: Array, count: int) -> NDArray[np.int64]:
    """Sort stably, so that of equal activations the earlier face comes first."""
    order = np.argsort(-Z, axis=0, kind="stable")[:count]
    return np.where(np.take_along_axis(Z, order, axis=0) > 0, order, -1).T


def _nearest_filters(W: Array, count: int) -> tuple[NDArray[np.int64], Array]:
    """Rank the other filters by their cosine to each filter; a filter of zeros is at 0 from all."""
    length = np.linalg.norm(W, axis=1, keepdims=True).astype(np.float32)
    unit = W / np.where(length > 0, length, 1)
    cosine = np.asarray(unit @ unit.T, dtype=np.float32)
    np.fill_diagonal(cosine, -np.inf)  # a unit is no neighbour of its own
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, : min(count, len(W) - 1)]
    return nearest, np.take_along_axis(cosine, nearest, axis=1)


def _for_each(W: Array, values: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Give every filter its value, those of zeros, which the measures leave out, NaN; so all that have none."""
    everyone = np.full(len(W), np.nan)
    if values is not None:
        everyone[is_nonzero(W)] = values
    return everyone

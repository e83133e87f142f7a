"""The data as later stages read them: what fetch and standardize left, and what the latter writes."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.errors import UserError
from sparsefaces.base.files import (
    STAGES,
    read_array,
    read_arrays,
    read_json,
    remake,
    write_array,
    write_arrays,
    write_rows,
)
from sparsefaces.base.progress import in_parts
from sparsefaces.base.words import FACES
from sparsefaces.standardize.rows import Faces, Rows
from sparsefaces.standardize.standardize import Scaling

FETCH, STANDARDIZE = STAGES / "fetch", STAGES / "standardize"


class Dataset(NamedTuple):
    """Standardised faces with what is known of them.

    Attributes:
        X: (N, d) float32, read-only and memory-mapped, or rows of it.
        mean: The mean face, (d,), in [0, 1].
        scale: Pixel units per standardised unit.
        shape: (height, width) of a face.
        trains: Which faces train, (N,); the others are held out.
    """

    X: Faces
    mean: NDArray[np.float32]
    scale: float
    shape: tuple[int, int]
    trains: NDArray[np.bool_]

    @property
    def training(self) -> Faces:
        """The faces that train, read from X as they are needed."""
        return self.rows(self.trains)

    @property
    def held_out(self) -> Rows | None:
        """The other faces; None if there are none."""
        return None if self.trains.all() else Rows(self.X, np.flatnonzero(~self.trains))

    def rows(self, chosen: NDArray[np.bool_]) -> Faces:
        """Choose faces, (N,), read from X as they are needed."""
        return self.X if chosen.all() else Rows(self.X, np.flatnonzero(chosen))

    def to_pixels(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn standardised faces, (n, d), into images, (n, height, width): those of faces are in [0, 1]."""
        pixels = X * np.float32(self.scale) + self.mean
        return np.asarray(pixels.reshape(-1, *self.shape), dtype=np.float32)

    def to_images(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn standardised faces or reconstructions, (n, d), into images, (n, height, width), cut off at 0 and 1."""
        return np.clip(self.to_pixels(X), 0, 1)

    def thinned_out(self, most: int) -> tuple["Dataset", NDArray[np.int64]]:
        """Choose at most so many of the faces, evenly spaced; name their rows as well."""
        rows = np.linspace(0, len(self.X) - 1, min(most, len(self.X))).round().astype(np.int64)
        chosen = np.isin(np.arange(len(self.X)), rows)
        return self._replace(X=self.rows(chosen), trains=self.trains[chosen]), rows

    def training_part(self) -> "Dataset":
        """Leave the faces out that are held out."""
        return self._replace(X=self.training, trains=self.trains[self.trains])


def load_faces() -> NDArray[np.float32]:
    """Open faces.npy, (N, height, width), read-only.

    Raises:
        UserError: It is missing or damaged.
    """
    return read_array(FETCH / "faces.npy", ndim=3)


def load_people(faces: int) -> NDArray[np.int32]:
    """Open people.npy, the person number of each of so many faces, (faces,), read-only.

    Raises:
        UserError: It is missing or damaged, or of another number of faces.
    """
    path = FETCH / "people.npy"
    people: NDArray[np.int32] = read_array(path, ndim=1, dtype=np.int32)
    if len(people) != faces:
        raise UserError(f"{path} is of {len(people):,} images, not of {faces:,}: {remake(path)}")
    return people


def load_provenance() -> dict[str, Any]:
    """Read provenance.json.

    Raises:
        UserError: It is missing or damaged.
    """
    types = {"source": str, "wanted": str, "fallback_reason": str | None, "people": int | None}
    return read_json(FETCH / "provenance.json", types | dict.fromkeys(("images", "height", "width"), int))


def save_standardized(faces: NDArray[np.float32], scaling: Scaling, trains: NDArray[np.bool_]) -> None:
    """Write X.npy, part by part, split.npy, and scaling.npz, which also keeps the height and width of the faces."""
    count, height, width = faces.shape
    parts = in_parts("Standardising", count, height * width, FACES)
    write_rows(STANDARDIZE / "X.npy", (count, height * width), (scaling.standardize(faces[rows]) for rows in parts))
    write_array(STANDARDIZE / "split.npy", trains)
    mean, scale = scaling.mean.astype(np.float32), scaling.scale.astype(np.float32)
    values = {"mean": mean, "scale": scale, "height": height, "width": width}
    write_arrays(STANDARDIZE / "scaling.npz", {name: np.asarray(value) for name, value in values.items()})
    print(f"{count:,} {FACES} standardised; scale {scale:.5f}")
    if not trains.all():
        print(f"{(~trains).sum():,} of them are held out: mean and scale are of the others, and so is every training")


def load_dataset() -> Dataset:
    """Read what standardize left.

    Raises:
        UserError: A file is missing or damaged, or they do not fit each other.
    """
    X = read_array(STANDARDIZE / "X.npy", ndim=2)
    path = STANDARDIZE / "scaling.npz"
    split = STANDARDIZE / "split.npy"
    trains = np.array(read_array(split, ndim=1, dtype=np.bool_))
    if len(trains) != len(X):
        raise UserError(f"{split} is of {len(trains):,} images, X.npy of {len(X):,}: {remake(split)}")
    scaling = read_arrays(path, ("mean", "scale", "height", "width"))
    if not _fits(**scaling, pixels=X.shape[1]):
        raise UserError(f"{path} has no mean, scale and size that fit X.npy's {X.shape[1]} pixels: {remake(path)}")
    height, width = int(scaling["height"]), int(scaling["width"])
    data = Dataset(X, np.asarray(scaling["mean"], np.float32), float(scaling["scale"]), (height, width), trains)
    _check_faces(data)
    return data


def _fits(pixels: int, mean: NDArray[Any], scale: NDArray[Any], height: NDArray[Any], width: NDArray[Any]) -> bool:
    """Tell whether what is in scaling.npz are numbers of faces with so many pixels."""
    numbers = all(value.dtype.kind in "iuf" and np.isfinite(value).all() for value in (mean, scale, height, width))
    if not numbers or mean.shape != (pixels,) or not scale.shape == height.shape == width.shape == ():
        return False
    return bool(scale > 0 and min(height, width) >= 1 and height * width == pixels)


def _check_faces(data: Dataset) -> None:
    """Refuse faces on which nothing can be trained."""
    X = STANDARDIZE / "X.npy"
    if data.trains.sum() < 2:
        raise UserError(f"{STANDARDIZE / 'split.npy'} leaves {data.trains.sum()} images to train on: {remake(X)}")
    parts = in_parts("Checking", len(data.X), data.X.shape[1], FACES)
    peaks = [max(float(data.X[rows].max()), -float(data.X[rows].min())) for rows in parts]  # NaN if one is
    if not (np.isfinite(peaks).all() and any(peaks)):
        raise UserError(f"{X} has images that are not numbers, or nothing but zeros: {remake(X)}")

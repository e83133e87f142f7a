"""The data as later stages read them: what fetch and standardize left, and what the latter writes."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.base.arrays import Array
from sparsefaces.base.files import STAGES, read_json, write_array, write_arrays
from sparsefaces.base.progress import say
from sparsefaces.standardize.standardize import Scaling

FETCH, STANDARDIZE = STAGES / "fetch", STAGES / "standardize"


class Dataset(NamedTuple):
    """Standardised faces with what is known of them.

    Attributes:
        X: (N, d) float32, memory-mapped copy-on-write, or rows of it.
        mean: The mean face, (d,), in [0, 1].
        scale: Pixel units per standardised unit.
        shape: (height, width) of a face.
        train_mask: Which faces train, (N,); the others are held out.
    """

    X: Array
    mean: NDArray[np.float32]
    scale: float
    shape: tuple[int, int]
    train_mask: NDArray[np.bool_]

    @property
    def training(self) -> Array:
        """The faces that train."""
        return self.rows(self.train_mask)

    @property
    def held_out(self) -> Array | None:
        """The other faces; None if there are none."""
        return None if self.train_mask.all() else self.X[~self.train_mask]

    def rows(self, chosen: NDArray[np.bool_]) -> Array:
        """Choose faces, (N,); all of them are not copied."""
        return self.X if chosen.all() else self.X[chosen]

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
        return (self if most >= len(self.X) else self._replace(X=self.X[rows], train_mask=self.train_mask[rows])), rows

    def training_part(self) -> "Dataset":
        """Leave the faces out that are held out."""
        return self._replace(X=self.training, train_mask=self.train_mask[self.train_mask])


def load_faces() -> NDArray[np.float32]:
    """Read faces.npy, (N, height, width)."""
    return np.asarray(np.load(FETCH / "faces.npy"))


def load_people() -> NDArray[np.int32]:
    """Read people.npy, the person number of each face, (N,)."""
    return np.asarray(np.load(FETCH / "people.npy"))


def load_provenance() -> dict[str, Any]:
    """Read provenance.json."""
    return read_json(FETCH / "provenance.json")


def save_standardized(faces: NDArray[np.float32], scaling: Scaling, train_mask: NDArray[np.bool_]) -> None:
    """Write X.npy, split.npy, and scaling.npz, which also keeps the height and width of the faces."""
    count, height, width = faces.shape
    write_array(STANDARDIZE / "X.npy", scaling.standardize(faces))
    write_array(STANDARDIZE / "split.npy", train_mask)
    mean, scale = scaling.mean.astype(np.float32), scaling.scale.astype(np.float32)
    values = {"mean": mean, "scale": scale, "height": height, "width": width}
    write_arrays(STANDARDIZE / "scaling.npz", {name: np.asarray(value) for name, value in values.items()})
    say(f"{count:,} faces standardised; scale {scale:.5f}")
    if not train_mask.all():
        say(f"{(~train_mask).sum():,} of them are held out: mean and scale are of the others, and so is every training")


def load_dataset(stages: Path | str = STAGES) -> Dataset:
    """Read what standardize left in the folder `stages`; X is mapped, and what you change of it stays in memory."""
    folder = Path(stages, STANDARDIZE.name)
    X, train_mask = np.load(folder / "X.npy", mmap_mode="c"), np.load(folder / "split.npy")
    with np.load(folder / "scaling.npz") as scaling:
        shape = int(scaling["height"]), int(scaling["width"])
        return Dataset(X, scaling["mean"], float(scaling["scale"]), shape, train_mask)

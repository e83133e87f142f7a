"""What a training shows of itself while it runs: pictures of its filters and reconstructions, and its weights."""

from typing import TYPE_CHECKING

import numpy as np

from sparsefaces.base.arrays import Array
from sparsefaces.base.mosaics import filter_mosaic, mosaic, png_of_mosaic
from sparsefaces.base.params import TrackingParams
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.tracking.runs import TrackedRun
from sparsefaces.training.model import Model
from sparsefaces.training.model_file import model_bytes
from sparsefaces.training.outputs import Row

if TYPE_CHECKING:
    from sparsefaces.training.engine import Engine

FILTERS, FACES, ZOOM = 64, 8, 3


class LivePictures:
    """Logs pictures, and the weights as they stand, now and then."""

    def __init__(self, run: TrackedRun, data: Dataset, params: TrackingParams, iterations: int) -> None:
        """Take the run, the data, of which eight faces are reconstructed, and the training's length."""
        self._run, self._data, self._params, self._last = run, data, params, iterations - 1

    def on_step(self, step: int, row: Row | None, engine: "Engine") -> None:
        """Log what is due after a step."""
        files = self._run.outbox.files
        if step % self._params.log_pictures_every == 0 or step == self._last:
            files[f"images/filters/{step}.png"] = draw_filters(engine.model(), self._data)
            files[f"images/reconstructions/{step}.png"] = draw_reconstructions(engine.model(), self._data)
        if (step + 1) % self._params.log_weights_every == 0:
            files[f"checkpoints/step_{step + 1:05}.safetensors"] = model_bytes(engine.model())


def draw_filters(model: Model, data: Dataset) -> bytes:
    """Draw the first filters as a PNG."""
    return png_of_mosaic(filter_mosaic(model.filters, data.shape, FILTERS, "own"), ZOOM)


def draw_reconstructions(model: Model, data: Dataset) -> bytes:
    """Draw faces from all over the data set above their reconstructions, as a PNG."""
    X = example_rows(data, FACES)
    rows = np.concatenate([X, model.decode(model.encode(X))])
    return png_of_mosaic(mosaic(data.to_pixels(rows), len(X), gap=2), ZOOM)


def example_rows(data: Dataset, count: int) -> Array:
    """Choose standardised faces from all over the data set, always the same."""
    chosen = np.linspace(0, len(data.X) - 1, min(count, len(data.X))).astype(int)
    return np.asarray(data.X[chosen], dtype=np.float32)

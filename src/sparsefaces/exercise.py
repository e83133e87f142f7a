"""The exercise's functions under the exercise's names, with its values as defaults, and own images for a model."""

import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sparsefaces.base.arrays import Array
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import FetchParams, MachineParams, ModelParams, TrainParams
from sparsefaces.fetch.images import Crop, prepare, read_image
from sparsefaces.fetch.outputs import fallback_notice
from sparsefaces.fetch.sources import fetch_faces
from sparsefaces.metrics import sorted_activations
from sparsefaces.report import figures
from sparsefaces.standardize.dataset import Dataset, load_dataset  # noqa: F401 - for notebooks
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.training.loop import fit
from sparsefaces.training.model import encode
from sparsefaces.training.objective import Values, get_objective_terms  # noqa: F401
from sparsefaces.training.outputs import load_training  # noqa: F401
from sparsefaces.training.table import TrainingTable
from sparsefaces.training.weights import Weights

LFW_SHAPE = (37, 28)
MACHINE = MachineParams(threads="auto", device="cpu", checkpoint_every=1000, download_timeout=30.0, lfw_mirror=None)


def load_faces(source: Literal["lfw", "orl"] = "lfw") -> Array:
    """Read and standardise faces as the exercise does, at the exercise's size, and say which they are.

    Args:
        source: `lfw`, or, if it cannot be had, the embedded ORL faces, which is said; or these at once.

    Returns:
        X, (N, d): (13233, 1036) of LFW's 37 x 28 pixels, (400, 891) of ORL's 33 x 27.

    Raises:
        UserError: The faces are damaged, or the source is another.
    """
    if source not in ("lfw", "orl"):
        raise UserError(f"source is {source!r}: give lfw or orl")
    requested = FetchParams(source=source, fallback="orl", folder="faces", crop=None, resize=0.3)
    faces = fetch_faces(requested, MACHINE)
    count, height, width = faces.images.shape
    if faces.fallback_reason:
        print(fallback_notice(faces.source, faces.requested, faces.fallback_reason))
    print(f"{count:,} faces of {height} x {width} pixels from {faces.source}")
    return measure_scaling(faces.images, np.ones(count, np.bool_)).standardize(faces.images)


def prepare_images(paths: Sequence[Path | str], data: Dataset, crop: Crop = None) -> Array:
    """Prepare images as those that a model was trained on: grey, of their size, standardised by their mean and scale.

    Args:
        paths: Files of images.
        data: What the model was trained on, from `load_dataset`.
        crop: (top, bottom, left, right) in pixels of each image; None takes it whole.

    Returns:
        X, (n, d).

    Raises:
        UserError: A file is no image, or the crop does not lie inside.
    """
    images = np.stack([prepare(read_image(Path(path)), crop, data.shape, str(path)) for path in paths])
    return np.asarray((images.reshape(len(images), -1) - data.mean) / np.float32(data.scale))


def train(
    X: ArrayLike,
    lambd: float = 0,
    *,
    iterations: int = 10_001,
    hidden_units: int = 400,
    batch_size: int = 100,
    learning_rate: float = 1e-4,
    seed: int = 1,
) -> Weights[Tensor]:
    """Train an autoencoder as the exercise does, printing nbit, rec, spa, ent and reg every 1000 iterations.

    epsilon is 0.01 lambda and eta is lambda.

    Args:
        X: Standardised faces, (N, d); array or tensor.
        lambd: Weight of the code's L1 norm: 0 for the dense model, 1 for the sparse one.
        iterations: Updates.
        hidden_units: h.
        batch_size: Faces per batch.
        learning_rate: Adam's step size.
        seed: Seed of the initial weights and the batches.

    Returns:
        (V, W, b, a): (d, h), (h, d), (h,) and (d,).

    Raises:
        UserError: lambd is negative or no number, X is no finite matrix, the batch is larger than the data, or the
            training diverges.
        pydantic.ValidationError: A setting is out of range.
    """
    if not 0 <= lambd < math.inf:
        raise UserError(f"lambd is {lambd}: it weighs sparsity, so give 0 or more")
    faces = _faces(X)
    params = TrainParams(
        seed=seed,
        hidden_units=hidden_units,
        iterations=iterations,
        batch_size=batch_size,
        learning_rate=learning_rate,
        learning_rate_schedule="constant",
        log_every=1000,
    )
    with closing(TrainingTable(f"lambda = {lambd:g}", iterations)) as table:
        model, _ = fit(faces, params, ModelParams.model_validate({"lambda": float(lambd)}), callbacks=[table.on_step])
    return Weights(*(torch.from_numpy(array) for array in model.weights))


def plot_sparsity(X: ArrayLike, V1: Values, V2: Values, b1: Values, b2: Values, *, faces: int = 25) -> None:
    """Plot all activations on the first faces from largest to smallest, one line per model.

    Args:
        X: Standardised faces, (N, d).
        V1: Encoder of the dense model, (d, h).
        V2: Encoder of the sparse model.
        b1: Encoder bias of the dense model, (h,).
        b2: Encoder bias of the sparse model.
        faces: How many faces of X to take.

    Raises:
        UserError: X is no finite matrix, or an encoder is of faces of another size.
    """
    first, activations = _faces(X)[:faces], {}
    for name, model, V, b in (("V1", "dense", V1, b1), ("V2", "sparse", V2, b2)):
        if len(V) != first.shape[1]:
            raise UserError(f"{name} is of {len(V)} pixels, X of {first.shape[1]}: give the X that it was trained on")
        activations[model] = sorted_activations(encode(first, _numpy(V), _numpy(b)))
    figure = plt.figure(figsize=figures.SPARSITY_SIZE, layout="constrained")
    figures.draw_sparsity(figure, activations, len(first))
    plt.show()


def view_decoder(
    W1: Values, W2: Values, *, shape: tuple[int, int] = LFW_SHAPE, filters: int = 64, scale: str = "own"
) -> None:
    """Show the first decoding filters of both models, side by side.

    Args:
        W1: Decoder of the dense model, (h, d).
        W2: Decoder of the sparse model.
        shape: (height, width) of a face.
        filters: How many filters of each.
        scale: `own` scales each filter by its largest weight, `common` all of a model by one.

    Raises:
        UserError: A decoder is of faces of another shape.
    """
    for name, W in (("W1", W1), ("W2", W2)):
        if W.shape[-1] != shape[0] * shape[1]:
            raise UserError(
                f"{name} has filters of {W.shape[-1]} pixels, not of {shape[0]} x {shape[1]}: "
                "give the images' shape=(height, width)"
            )
    figure = plt.figure(figsize=figures.decoders_size(2, shape), layout="constrained")
    figures.draw_decoders(figure, {"dense": _numpy(W1), "sparse": _numpy(W2)}, shape, filters, scale)
    plt.show()


def _faces(X: ArrayLike | Tensor) -> Array:
    faces = _numpy(X)
    if faces.ndim != 2 or not len(faces) or not np.isfinite(faces).all():
        raise UserError(f"X, of shape {faces.shape}, is to hold standardised images, (N, d), and finite numbers alone")
    return faces


def _numpy(values: ArrayLike | Tensor) -> Array:
    return torch.as_tensor(values, dtype=torch.float32).detach().cpu().numpy()

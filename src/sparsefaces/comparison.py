"""The two models side by side: figures of merit and pictures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sparsefaces import figures
from sparsefaces.datasets import Dataset
from sparsefaces.measures import effective_area, finite, psnr
from sparsefaces.params import AnalyzeParams
from sparsefaces.results import Training
from sparsefaces.style import paper, png_of_figure
from sparsefaces.weights import Array, Weights, decode, encode

RECONSTRUCTED_FACES = 12


def compare_metrics(data: Dataset, trainings: Mapping[str, Training]) -> dict[str, dict[str, Any]]:
    """Put what is known of both models side by side.

    Args:
        data: The faces they were trained on.
        trainings: The trainings by model name.

    Returns:
        For each model its training's metrics and, besides, `psnr` over the whole data set (dB) and
        `effective_area`, the median share of the image that a filter covers.
    """
    d = data.X.shape[1]
    return {
        name: {
            **training.metrics,
            "psnr": finite(psnr(training.metrics["rec"], d, data.scale)),
            "effective_area": _median(effective_area(training.weights.W)),
        }
        for name, training in trainings.items()
    }


def draw_comparison(data: Dataset, trainings: Mapping[str, Training], params: AnalyzeParams) -> dict[str, bytes]:
    """Draw the comparison's figures, as PNG by name."""
    with paper():
        drawn = _draw(data, trainings, params)
        return {name: png_of_figure(figure) for name, figure in drawn.items()}


def _draw(data: Dataset, trainings: Mapping[str, Training], params: AnalyzeParams) -> dict[str, Figure]:
    models = {name: training.weights for name, training in trainings.items()}
    first = data.X[: params.faces]
    return {
        "sparsity": figures.draw_sparsity(
            Figure(figsize=figures.SPARSITY_SIZE, layout="constrained"),
            {name: figures.sorted_activations(encode(first, model.V, model.b)) for name, model in models.items()},
            len(first),
        ),
        "decoder": figures.draw_decoders(
            Figure(figsize=figures.DECODER_SIZE, layout="constrained"),
            {name: model.W for name, model in models.items()},
            data.shape,
            params.filters,
            params.filter_scale,
        ),
        "curves": figures.draw_curves(
            Figure(figsize=figures.CURVES_SIZE, layout="constrained"),
            {name: training.history for name, training in trainings.items()},
        ),
        "reconstructions": _draw_reconstructions(data, models),
    }


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _draw_reconstructions(data: Dataset, models: Mapping[str, Weights[Array]]) -> Figure:
    X = data.X[:RECONSTRUCTED_FACES]
    faces = {name: to_pixels(_reconstruct(X, model), data) for name, model in models.items()}
    size = figures.reconstructions_size(1 + 2 * len(faces), len(X), data.shape)
    return figures.draw_reconstructions(Figure(figsize=size, layout="constrained"), to_pixels(X, data), faces)


def _reconstruct(X: Array, model: Weights[Array]) -> Array:
    return decode(encode(X, model.V, model.b), model.W, model.a)


def to_pixels(X: Array, data: Dataset) -> NDArray[np.float32]:
    """Turn standardised faces, (n, d), into pictures, (n, height, width) in [0, 1]."""
    pixels = X * np.float32(data.scale) + data.mean
    return np.asarray(np.clip(pixels, 0, 1).reshape(-1, *data.shape), dtype=np.float32)

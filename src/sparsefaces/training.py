"""The training loop: batches in, weights and history out."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparsefaces.batches import draw_batch
from sparsefaces.engine import Engine
from sparsefaces.errors import UserError
from sparsefaces.measures import evaluate
from sparsefaces.params import MachineParams, TrainParams
from sparsefaces.weights import Weights, initialize

Row = dict[str, float]
Watch = Callable[[int, Row | None], None]


class Training(NamedTuple):
    """One finished training.

    Attributes:
        weights: The model.
        history: Rows of history.csv, in order.
        metrics: metrics.json: the model over the whole data set.
    """

    weights: Weights
    history: Sequence[Row]
    metrics: Mapping[str, Any]


def train_model(
    faces: NDArray[np.float32],
    params: TrainParams,
    lambd: float,
    machine: MachineParams,
    watchers: Sequence[Watch] = (),
) -> Training:
    """Train one autoencoder on faces, (N, d), and measure it over all of them; otherwise as `fit`."""
    torch.set_num_threads(machine.threads)
    X = torch.from_numpy(np.array(faces))
    weights, history = fit(X, params, lambd, device=machine.device, watchers=watchers)
    return Training(weights, history, evaluate(X, weights, params.coefficients(lambd)))


def fit(
    X: Tensor, params: TrainParams, lambd: float, *, device: str = "cpu", watchers: Sequence[Watch] = ()
) -> tuple[Weights, list[Row]]:
    """Train one autoencoder.

    Args:
        X: Standardised faces, (N, d) float32.
        params: What both trainings share.
        lambd: Weight of the code's L1 norm; `ent` and `reg` are weighted in proportion to it.
        device: Torch device to train on.
        watchers: Each called once a step with the step and, where one is due, the row of the history.

    Returns:
        The weights, on the CPU, and the history: one row per `log_every` iterations and the last, with the
        batch's terms before its update, the units silent on it, and the smallest mean activation of a unit.

    Raises:
        UserError: The batch is larger than the data, the device is missing, or the training diverges.
    """
    if params.batch_size > len(X):
        raise UserError(
            f"train.batch_size is {params.batch_size}, but there are {len(X)} faces: lower it to that or less"
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("machine.device is cuda, but torch finds no such device here: set it to cpu")
    weights = initialize(X.shape[1], params.hidden_units, params.seed)
    engine = Engine(
        Weights(*(tensor.to(device) for tensor in weights)),
        params.batch_size,
        params.coefficients(lambd),
        params.learning_rate,
    )
    X = X.to(device)
    history: list[Row] = []
    last = params.iterations - 1
    for step in range(params.iterations):
        rows = torch.from_numpy(draw_batch(params.seed, step, len(X), params.batch_size))
        batch = X[rows.to(device)]
        engine.forward(batch)
        row = _row(engine, step) if step % params.log_every == 0 or step == last else None
        if row is not None:
            history.append(row)
        engine.update(batch)
        for watch in watchers:
            watch(step, row)
    weights = Weights(*(tensor.detach().cpu() for tensor in engine.weights))
    if not all(tensor.isfinite().all() for tensor in weights):
        raise _diverged("the weights are not finite", last)
    return weights, history


def _row(engine: Engine, step: int) -> Row:
    """Describe the batch last given to the engine's forward pass."""
    rec, spa, ent, reg = (float(term) for term in engine.terms())
    if not (math.isfinite(rec) and math.isfinite(reg)):
        raise _diverged(f"rec is {rec}", step)
    means = engine.mean_activations()
    return {
        "step": step,
        "rec": rec,
        "spa": spa,
        "ent": ent,
        "reg": reg,
        "silent_units": int((means == 0).sum()),
        "min_mean_activation": float(means.min()),
    }


def _diverged(what: str, step: int) -> UserError:
    return UserError(f"the training diverged: {what} at step {step}; lower train.learning_rate")

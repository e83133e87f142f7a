"""The training loop: batches in, weights and history out."""

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from sparsefaces.base.arrays import Array as Faces
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import Coefficients, MachineParams, ModelParams, TrainParams
from sparsefaces.training.batches import Batches
from sparsefaces.training.engine import Engine
from sparsefaces.training.evaluate import evaluate
from sparsefaces.training.model import Model, activation_of
from sparsefaces.training.objective import weigh
from sparsefaces.training.outputs import Row, Training
from sparsefaces.training.parallel import ONE_PROCESS, Ranks
from sparsefaces.training.schedules import learning_rate
from sparsefaces.training.weights import Weights, initialize

FEWEST_ROWS = 64  # MKL shares smaller products among threads by splitting sums, and their bits with them (measured)
MOST_THREADS = 4  # that `auto` takes: a step at the exercise's size gains little by more
BLOWN_UP = 1000  # times the first reconstruction error: no training that works comes near it

Callback = Callable[[int, Row | None, Engine], None]


class State(NamedTuple):
    """Where a training stands.

    Attributes:
        step: Updates done.
        tensors: What `Engine.state` names.
        history: Rows so far.
    """

    step: int
    tensors: dict[str, Tensor]
    history: list[Row]


def train_model(
    X: Faces,
    params: TrainParams,
    model: ModelParams,
    machine: MachineParams,
    *,
    held_out: Faces | None = None,
    callbacks: Sequence[Callback] = (),
    start: State | None = None,
    ranks: Ranks = ONE_PROCESS,
) -> Training:
    """Train one autoencoder on this machine and measure it over all faces; otherwise as `fit`.

    The model is also measured on faces that are held out, (n, d), if there are any: `held_out` in the metrics.
    Of several processes the first one measures; the others' metrics are empty.

    Raises:
        UserError: As `fit`.
    """
    few = min(params.batch_size // ranks.count, params.hidden_units, *X.shape) < FEWEST_ROWS
    torch.set_num_threads(1 if few else choose_threads(machine.threads))
    trained, history = fit(X, params, model, device=machine.device, callbacks=callbacks, start=start, ranks=ranks)
    if ranks.rank:
        return Training(trained, history, {})
    coefficients = model.coefficients
    torch.set_num_threads(1)  # the last chunk of faces may be small
    metrics: dict[str, Any] = dict(evaluate(X, trained, coefficients))
    if held_out is not None:
        metrics["held_out"] = evaluate(held_out, trained, coefficients)
    return Training(trained, history, metrics)


def choose_threads(number: int | Literal["auto"]) -> int:
    """Choose how many threads multiply; `auto` is torch's own number, 4 at most unless OMP_NUM_THREADS says more."""
    if number != "auto":
        return number
    return torch.get_num_threads() if "OMP_NUM_THREADS" in os.environ else min(torch.get_num_threads(), MOST_THREADS)


def fit(
    X: Faces,
    params: TrainParams,
    model: ModelParams,
    *,
    device: str = "cpu",
    callbacks: Sequence[Callback] = (),
    start: State | None = None,
    ranks: Ranks = ONE_PROCESS,
) -> tuple[Model, list[Row]]:
    """Train one autoencoder.

    Args:
        X: Standardised faces, (N, d) float32, in memory or mapped: only batches are copied.
        params: What all trainings share.
        model: The model's own section: the weights of the terms, and the activation.
        device: Torch device to train on.
        callbacks: Each called after each step with the step, the row of the history if one is due, and
            the engine, whose weights are then those after the step's update.
        start: Where an interrupted training of the same X, params, model and device stood.
        ranks: The processes that train it together, each on its part of the batches; the first one's start counts.

    Returns:
        The model and the history: one row per `log_every` iterations and the last, with the batch's terms
        before its update, the norm of the loss's gradient, the loss, the mean number of active units, the
        units silent on the batch, and the smallest mean activation of a unit.

    Raises:
        UserError: The batch is larger than the data or has fewer faces than there are processes, or the training
            diverges.
    """
    _check_sizes(X, params, ranks)
    coefficients = model.coefficients
    initial = initialize(X.shape[1], params.hidden_units, params.seed)
    engine = Engine(
        Weights(*(torch.from_numpy(array).to(device) for array in initial)),
        params.batch_size,
        coefficients,
        params.learning_rate,
        activation=activation_of(model),
        ranks=ranks,
    )
    start = ranks.broadcast(start)
    if start is not None:
        engine.restore(start.tensors)
    first, history = (start.step, list(start.history)) if start else (0, [])
    batches = Batches(X, params.seed, params.batch_size, device, ranks.part(params.batch_size))
    last = params.iterations - 1
    for step in range(first, params.iterations):
        batch = batches.read(step)
        engine.forward(batch)
        engine.backward(batch)
        row = _row(engine, step, coefficients) if step % params.log_every == 0 or step == last else None
        if row is not None:
            history.append(row)
            _stop_if_diverged(row, max(history[0]["rec"], X.shape[1]))
        engine.learning_rate = learning_rate(
            params.learning_rate, params.learning_rate_schedule, step, params.iterations
        )
        engine.advance()
        for callback in callbacks:
            callback(step, row, engine)
    if not all(tensor.isfinite().all() for tensor in engine.weights):
        raise _diverged("the weights are not finite", last)
    return engine.model(), history


def _check_sizes(X: Faces, params: TrainParams, ranks: Ranks) -> None:
    """Make sure that there are faces for a batch, and of a batch for each process."""
    if params.batch_size > len(X):
        raise UserError(
            f"train.batch_size is {params.batch_size}, but there are {len(X)} images: lower it to that or less"
        )
    if ranks.count > params.batch_size:
        raise UserError(
            f"{ranks.count} processes cannot share batches of {params.batch_size} images: start fewer of them or raise "
            "train.batch_size"
        )


def _row(engine: Engine, step: int, coefficients: Coefficients) -> Row:
    """Describe the batch last given to the engine, before its update."""
    terms = engine.terms()
    means = engine.mean_code()
    return {
        "step": step,
        **{name: float(term) for name, term in terms._asdict().items()},
        "loss": float(weigh(terms, coefficients)),
        "gradient_norm": float(engine.gradient_norm()),
        "l0": engine.active_units(),
        "silent_units": int((means == 0).sum()),
        "min_mean_activation": float(means.min()),
    }


def _stop_if_diverged(row: Row, start: float) -> None:
    """Stop a training whose terms are not finite, or whose `rec` is far above what it started from.

    A large learning rate need not reach infinity: Adam's steps have bounded size. `start` is the first batch's
    `rec`, with W zero, or the number of pixels, which is that of standardised faces on average.
    """
    for name in ("rec", "spa", "reg", "gradient_norm"):  # a silent unit makes ent and the loss infinite
        if not math.isfinite(row[name]):
            raise _diverged(f"{name} is {row[name]}", int(row["step"]))
    if row["rec"] > BLOWN_UP * start:
        raise _diverged(f"rec is {row['rec']:.3g}, after {start:.4g} at the start", int(row["step"]))


def _diverged(what: str, step: int) -> UserError:
    return UserError(f"the training diverged: {what} at step {step}; lower train.learning_rate")

"""The dense and the sparse model trained again on some of the people, to be judged on the others.

The pipeline's own models have seen every face: judged on any of them, they would win by memory.
"""

import multiprocessing
import signal
from collections.abc import Mapping
from contextlib import closing
from multiprocessing.sharedctypes import Synchronized
from typing import TYPE_CHECKING, Any

from sparsefaces.base.arrays import Array
from sparsefaces.base.cache import TRAINING_CODE, code_hash, key_of, load_cached, save_cached
from sparsefaces.base.params import TrainParams
from sparsefaces.base.progress import Progress
from sparsefaces.training.outputs import Row
from sparsefaces.training.weights import Weights

if TYPE_CHECKING:
    from sparsefaces.training.engine import Engine

STEPS_PER_COUNT = 100
_steps: "Synchronized[int]"  # in a training's process: the updates of all of them


def refit(
    X: Array, params: TrainParams, lambdas: Mapping[str, float], depends_on: Mapping[str, Any]
) -> dict[str, Weights[Array]]:
    """Train a model for each lambda, each in a process of its own, or find them in the scratch folder.

    Args:
        X: Faces to fit on, (N, d).
        params: As the pipeline's trainings; a batch larger than N is cut down to it.
        lambdas: Lambda by model name.
        depends_on: What X was made from, in values that JSON can hold.

    Returns:
        The models by name.

    Raises:
        UserError: A training diverges.
    """
    params = params.model_copy(update={"batch_size": min(params.batch_size, len(X)), "log_every": params.iterations})
    settings = params.model_dump() | dict(depends_on) | {"code": code_hash(*TRAINING_CODE)}
    keys = {name: key_of(settings | {"lambda": lambd}) for name, lambd in lambdas.items()}
    found = {name: load_cached(f"refits/{name}", key) for name, key in keys.items()}
    missing = {name: lambdas[name] for name, arrays in found.items() if arrays is None}
    if missing:
        print(f"Training {' and '.join(missing)} again, on {len(X):,} faces (once; cached in .scratch)", flush=True)
        for name, weights in _train_all(X, params, missing).items():
            save_cached(f"refits/{name}", keys[name], weights._asdict())
            found[name] = weights._asdict()
    return {name: Weights(**arrays) for name, arrays in found.items() if arrays is not None}


def _train_all(X: Array, params: TrainParams, lambdas: Mapping[str, float]) -> dict[str, Weights[Array]]:
    """Train side by side, one thread each: two cores are used best like this."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    steps = context.Value("q", 0)
    with (
        closing(Progress("Training", params.iterations * len(lambdas), unit="it")) as progress,
        context.Pool(len(lambdas), _start, (steps,)) as pool,  # leaving the block ends its processes
    ):
        jobs = {name: pool.apply_async(_train, (X, params, lambd)) for name, lambd in lambdas.items()}
        counted = 0
        for job in jobs.values():
            while not job.ready():
                job.wait(0.2)
                done = steps.value
                progress.update(done - counted)
                counted = done
        return {name: job.get() for name, job in jobs.items()}


def _start(steps: "Synchronized[int]") -> None:
    """Prepare a process: it counts into `steps`, and leaves interruptions to its parent."""
    global _steps  # noqa: PLW0603 - how a pool hands shared memory to its processes
    _steps = steps
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _train(X: Array, params: TrainParams, lambd: float) -> Weights[Array]:
    import torch  # noqa: PLC0415 - only a training needs it

    from sparsefaces.training.loop import fit  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    weights, _ = fit(X, params, lambd, callbacks=[_count])
    return weights


def _count(step: int, row: Row | None, engine: "Engine") -> None:
    if (step + 1) % STEPS_PER_COUNT == 0:
        with _steps.get_lock():
            _steps.value += STEPS_PER_COUNT

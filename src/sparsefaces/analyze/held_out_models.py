"""The dense and the sparse model trained again on some of the people, to be judged on the others.

The pipeline's own models have seen every face: judged on any of them, they would win by memory.
"""

from collections.abc import Mapping
from typing import Any

from sparsefaces.analyze.parallel import Job
from sparsefaces.base.cache import TRAINING_CODE, Arrays, code_hash, key_of
from sparsefaces.base.params import ModelParams, TrainParams
from sparsefaces.base.words import FACES
from sparsefaces.standardize.rows import Faces


def refits(
    X: Faces, params: TrainParams, models: Mapping[str, ModelParams], products: str, depends_on: Mapping[str, Any]
) -> dict[str, Job]:
    """Describe how to train each model again; each job leaves the arrays of `Weights`.

    Args:
        X: Faces to fit on, (N, d).
        params: As the pipeline's trainings; a batch larger than N is cut down to it.
        models: The models' own parameters, by name.
        products: machine.products.
        depends_on: What X was made from, in values that JSON can hold.
    """
    params = params.model_copy(update={"batch_size": min(params.batch_size, len(X)), "log_every": params.iterations})
    settings = params.model_dump() | dict(depends_on) | {"products": products, "code": code_hash(*TRAINING_CODE)}
    return {
        name: Job(
            f"refits/{name}",
            key_of(settings | model.model_dump()),
            f"Training {name} again on {len(X):,} {FACES}",
            _train,
            (X, params, model, products),
        )
        for name, model in models.items()
    }


def _train(X: Faces, params: TrainParams, model: ModelParams, products: str) -> Arrays:
    import torch  # noqa: PLC0415 - only a training needs it

    from sparsefaces.training.loop import fit  # noqa: PLC0415 - as above
    from sparsefaces.training.products import choose_products  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    trained, _ = fit(X, params, model, products=choose_products(products, "cpu"))
    return trained.weights._asdict()

"""The models trained again on some of the people, to be judged on the others.

The pipeline's own models have seen every face: judged on any of them, they would win by memory.
"""

from collections.abc import Mapping

from sparsefaces.analyze.parallel import Job
from sparsefaces.base.arrays import Array as Faces
from sparsefaces.base.cache import TRAINING_CODE, Arrays, fingerprint_code
from sparsefaces.base.params import ModelParams, TrainParams


def refits(X: Faces, params: TrainParams, models: Mapping[str, ModelParams]) -> dict[str, Job]:
    """Describe how to train each model again; each job leaves the arrays of `Weights`.

    Args:
        X: Faces to fit on, (N, d).
        params: As the pipeline's trainings; a batch larger than N is cut down to it.
        models: The models' own parameters, by name.
    """
    params = params.model_copy(update={"batch_size": min(params.batch_size, len(X)), "log_every": params.iterations})
    label, code = f"again on {len(X):,} faces", fingerprint_code(*TRAINING_CODE)
    return {name: Job(f"Training {name} {label}", _train, (X, params, model, code)) for name, model in models.items()}


def _train(X: Faces, params: TrainParams, model: ModelParams, code: str) -> Arrays:
    import torch  # noqa: PLC0415 - only a training needs it

    from sparsefaces.training.loop import fit  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    trained, _ = fit(X, params, model)
    return trained.weights._asdict()

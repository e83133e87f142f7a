"""What each stage's run holds, and the runs that are still missing."""

from collections.abc import Mapping
from typing import Any

from sparsefaces.datasets import Dataset
from sparsefaces.facts import Facts, data_hash, gather, recorded_params
from sparsefaces.figures import filter_mosaic
from sparsefaces.files import STAGES, read_json, sha256
from sparsefaces.images import png_of_mosaic
from sparsefaces.params import Params
from sparsefaces.results import ANALYZE, TRAININGS, Training, load_training
from sparsefaces.tracking import TrackedRun, is_logged, track

FILTERS, ZOOM = 64, 3


def training_facts(stage: str, params: Params, data: Dataset) -> Facts:
    """Gather the facts of a training that is about to start."""
    sections = {"train": params.train.model_dump(), stage: params.of_model(stage).model_dump(by_alias=True)}
    from sparsefaces.machine import choose_device  # noqa: PLC0415 - torch, which only a training needs

    machine = {"device": choose_device(params.machine.device), "threads": str(params.machine.threads)}
    return gather(stage, sections, data, machine)


def log_training(run: TrackedRun, stage: str, training: Training, data: Dataset) -> None:
    """Log what a training left: final metrics, its files, its filters, and the model's hash as a tag."""
    folder = STAGES / stage
    files = [folder / name for name in ("model.safetensors", "history.csv", "metrics.json")]
    run.log_picture("filters.png", _picture(training, data))
    run.log_results(_groups({"final": training.metrics}), files, _model_tag(stage))


def comparison_facts(params: Params, data: Dataset) -> Facts:
    """Gather the facts of a comparison that is about to start."""
    return gather("analyze", {"analyze": params.analyze.model_dump()}, data, {})


def log_comparison(run: TrackedRun, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Log what a comparison left; its tags name the models it read, and so the runs that made them."""
    files = (file for file in sorted(ANALYZE.iterdir()) if not file.name.startswith("."))
    run.log_results(_groups(metrics), files, _model_tags())


def log_missing_trainings(data: Dataset) -> list[str]:
    """Log from their folders the trainings that no finished run is known of.

    DVC restores a stage from its cache without starting its script, and a store may have been out of reach.
    Runs are found by content, the hashes of model and data. A store that cannot be asked is left alone.

    Returns:
        The stages that were missing.

    Raises:
        UserError: A folder is incomplete.
    """
    missing = [stage for stage in TRAININGS.values() if _is_logged(stage, _model_tag(stage)) is False]
    for stage in missing:
        training = load_training(stage, data.X.shape[1])
        with track(_recorded_facts(stage, data)) as run:
            for row in training.history:
                run.watch(int(row["step"]), row)
            log_training(run, stage, training, data)
    return missing


def log_missing_comparison(data: Dataset) -> list[str]:
    """Log the comparison from its folder where no finished run is known of it; otherwise as the trainings."""
    if _is_logged("analyze", _model_tags()) is not False:
        return []
    metrics = read_json(ANALYZE / "metrics.json", dict.fromkeys(TRAININGS, dict))
    with track(_recorded_facts("analyze", data)) as run:
        log_comparison(run, metrics)
    return ["analyze"]


def _groups(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Make groups of their own of what metrics hold in groups: those on people held out."""
    groups: dict[str, Mapping[str, Any]] = {}
    for group, values in metrics.items():
        groups[group] = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
        groups |= {f"{group}/{name}": value for name, value in values.items() if isinstance(value, Mapping)}
    return groups


def _recorded_facts(stage: str, data: Dataset) -> Facts:
    return gather(stage, recorded_params(stage), data)


def _is_logged(stage: str, models: Mapping[str, str]) -> bool | None:
    return is_logged({"stage": stage, "data.sha256": data_hash(), **models})


def _model_tag(stage: str) -> dict[str, str]:
    return {"model.sha256": sha256(STAGES / stage / "model.safetensors")}


def _model_tags() -> dict[str, str]:
    return {f"model.{name}.sha256": _model_tag(stage)["model.sha256"] for name, stage in TRAININGS.items()}


def _picture(training: Training, data: Dataset) -> bytes:
    return png_of_mosaic(filter_mosaic(training.weights.W, data.shape, FILTERS, "own"), ZOOM)

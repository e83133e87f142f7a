"""What each stage's run holds, and the runs that are still missing."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tabulate import tabulate

from sparsefaces.base.alone import alone
from sparsefaces.base.arrays import Array
from sparsefaces.base.cache import ANALYSIS_CODE, TRAINING_CODE, code_hash
from sparsefaces.base.files import STAGES, md5, read_json, sha256, write_bytes
from sparsefaces.base.params import AnalyzeParams, ModelParams, Params, TrainParams
from sparsefaces.standardize.dataset import STANDARDIZE, Dataset
from sparsefaces.tracking.description import Description, data_hash, describe, recorded_params
from sparsefaces.tracking.models import is_registered, register
from sparsefaces.tracking.pictures import draw_filters, example_rows, log_pictures
from sparsefaces.tracking.queries import asking
from sparsefaces.tracking.runs import TrackedRun, track
from sparsefaces.tracking.store import RESULT, Store
from sparsefaces.training.outputs import TRAININGS, Training, load_training

ANALYZE = STAGES / "analyze"
ALIASES = {stage: name for name, stage in TRAININGS.items()}
NOTED = ("rec", "explained_variance", "spa", "l0", "silent_units", "loss")  # numbers that the note shows


def describe_training(stage: str, params: Params, data: Dataset, processes: int = 1) -> Description:
    """Describe a training that so many processes are about to start."""
    from sparsefaces.training.device import choose_device  # noqa: PLC0415 - torch, which only a training needs
    from sparsefaces.training.products import choose_products  # noqa: PLC0415 - as above

    device = choose_device(params.machine.device)
    products = choose_products(params.machine.products, device).name
    machine = {"device": device, "products": products, "threads": str(params.machine.threads)}
    machine["processes"] = str(processes)
    return describe(stage, _of_training(stage, params.train, params.of_model(stage)), data, _training_code(), machine)


def log_training(run: TrackedRun, stage: str, training: Training, data: Dataset) -> None:
    """Log what a training left: final metrics, its files, its filters, its hash, and the model to be served."""
    folder = STAGES / stage
    files = [folder / name for name in ("model.safetensors", "history.csv", "metrics.json")]
    for group, values in _groups({"final": training.metrics}).items():
        run.log_values(group, values)
    filters = draw_filters(training.weights, data)
    run.log_file("filters.png", lambda path: write_bytes(path, filters))
    tags = _model_tag(stage) | {RESULT: md5(folder / "model.safetensors")}
    run.log_results(files, tags, _table({ALIASES[stage]: training.metrics}), "filters.png")
    run.log_model(*_model(stage, data))


def describe_comparison(params: Params, data: Dataset) -> Description:
    """Describe a comparison that is about to start; its tags name the models that it reads."""
    return describe("analyze", _of_comparison(params.analyze), data, _comparison_identity(), {})


def log_comparison(run: TrackedRun, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Log what a comparison left."""
    for group, values in _groups(metrics).items():
        run.log_values(group, values)
    files = [file for file in sorted(ANALYZE.iterdir()) if not file.name.startswith(".")]
    tags = _comparison_tag() | {RESULT: md5(ANALYZE / "metrics.json")}
    run.log_results(files, tags, _table(metrics), "decoder.png")


def log_missing_trainings(data: Dataset) -> list[str]:
    """Log from their folders the trainings that no finished run is known of, and what a run lacks of one.

    DVC restores a stage from its cache without starting its script, and a store may have been out of reach.
    Runs are found by content. A run that an outage cut short is gone on with.

    Returns:
        The stages that lacked something.

    Raises:
        UserError: A folder is incomplete, or the store cannot be used.
    """
    with alone("track"), asking() as store:  # alone, or two would find the same missing, and both log it
        return [stage for stage in TRAININGS.values() if _complete(store, stage, data)]


def log_missing_comparison(data: Dataset) -> list[str]:
    """Log the comparison from its folder if no finished run is known of it; otherwise as the trainings."""
    metrics = read_json(ANALYZE / "metrics.json", dict.fromkeys(TRAININGS, dict))
    with alone("track"), asking() as store:
        store.close_killed("analyze")
        if store.find({"stage": "analyze", **_comparison_tag()}):
            return []
        sections = recorded_params("analyze")
        with suppress(ValidationError, KeyError):  # as of a training, below
            sections = _of_comparison(AnalyzeParams.model_validate(sections["analyze"]))
        with track(describe("analyze", sections, data, _comparison_identity())) as run:
            log_comparison(run, metrics)
    return ["analyze"]


def _groups(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Make groups of their own of what metrics hold in groups: those on people held out."""
    groups: dict[str, Mapping[str, Any]] = {}
    for group, values in metrics.items():
        groups[group] = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
        groups |= {f"{group}/{name}": value for name, value in values.items() if isinstance(value, Mapping)}
    return groups


def _complete(store: Store, stage: str, data: Dataset) -> bool:
    """Log a training, or what its run lacks; tell whether that was anything."""
    store.close_killed(stage)
    finished = store.find({"stage": stage, "data.sha256": data_hash(), **_model_tag(stage)})
    if finished and any(is_registered(store.client, run.info.run_id) for run in finished):
        return False
    if finished:
        register(store.client, finished[0].info.run_id, *_model(stage, data))
        return True
    training = load_training(stage, data.X.shape[1])
    with track(_describe_recorded(stage, data)) as run:
        for row in training.history:
            run.on_step(int(row["step"]), row)
        log_pictures(run, int(training.history[-1]["step"]), training.weights, data)
        log_training(run, stage, training, data)
    return True


def _describe_recorded(stage: str, data: Dataset) -> Description:
    sections = recorded_params(stage)
    # As a training writes them, 1.0 for 1: the key depends on it. Those of another version of the code get a run of
    # their own.
    with suppress(ValidationError, KeyError):
        train, model = TrainParams.model_validate(sections["train"]), ModelParams.model_validate(sections[stage])
        sections = _of_training(stage, train, model)
    return describe(stage, sections, data, _training_code())


def _of_comparison(analyze: AnalyzeParams) -> dict[str, dict[str, Any]]:
    return {"analyze": analyze.model_dump()}


def _of_training(stage: str, train: TrainParams, model: ModelParams) -> dict[str, dict[str, Any]]:
    return {"train": train.model_dump(), stage: model.model_dump(by_alias=True)}


def _training_code() -> dict[str, str]:
    return {"code.sha256": code_hash(*TRAINING_CODE)}


def _comparison_identity() -> dict[str, str]:
    models = {f"model.{name}.sha256": _model_tag(stage)["model.sha256"] for name, stage in TRAININGS.items()}
    return models | {"code.sha256": code_hash(*ANALYSIS_CODE)}


def _comparison_tag() -> dict[str, str]:
    return {"metrics.sha256": sha256(ANALYZE / "metrics.json"), "report.sha256": sha256(ANALYZE / "report.html")}


def _model_tag(stage: str) -> dict[str, str]:
    return {"model.sha256": sha256(STAGES / stage / "model.safetensors")}


def _model(stage: str, data: Dataset) -> tuple[str, dict[str, Path], Array]:
    """Name a training's model, the files that it is made of, and an example of its input, two faces."""
    files = {"weights": STAGES / stage / "model.safetensors", "scaling": STANDARDIZE / "scaling.npz"}
    return ALIASES[stage], files, data.to_pixels(example_rows(data, 2))


def _table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay the main numbers of models out as a table in Markdown, one column per model."""
    rows = [[name, *(values.get(name) for values in metrics.values())] for name in NOTED]
    style = {"tablefmt": "github", "floatfmt": ".5g", "missingval": "infinite", "numalign": "right"}
    return str(tabulate(rows, ["", *metrics], **style))

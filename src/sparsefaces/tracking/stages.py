"""What each stage's run holds, and the runs that are still missing."""

import os
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import ValidationError
from tabulate import tabulate

from sparsefaces.base.alone import alone
from sparsefaces.base.arrays import Array
from sparsefaces.base.errors import UserError
from sparsefaces.base.files import STAGES, md5, read_json, sha256
from sparsefaces.base.params import AnalyzeParams, Coefficients, ModelParams, Params, Section, TrainParams
from sparsefaces.metrics import check_metrics
from sparsefaces.standardize.dataset import STANDARDIZE, Dataset
from sparsefaces.tracking.address import shown_uri
from sparsefaces.tracking.description import Description, Sections, data_hash, describe, recorded
from sparsefaces.tracking.models import is_served, register, save_model
from sparsefaces.tracking.pictures import draw_filters, example_rows, log_pictures
from sparsefaces.tracking.queries import asking
from sparsefaces.tracking.record import take_records
from sparsefaces.tracking.runs import TrackedRun, track
from sparsefaces.tracking.store import Store, leaving_out
from sparsefaces.tracking.sync import deliver_pending, left_out
from sparsefaces.training.model import Model
from sparsefaces.training.outputs import TRAININGS, Training, load_training
from sparsefaces.training.weights import initialize

ANALYZE = STAGES / "analyze"
ALIASES = {stage: name for name, stage in TRAININGS.items()}
NOTED = ("rec", "explained_variance", "spa", "l0", "silent_units", "loss")  # numbers that the note shows


def describe_training(stage: str, params: Params, data: Dataset, processes: int = 1) -> Description:
    """Describe a training that so many processes are about to start.

    Raises:
        UserError: The device or the library is not here, or a metric that is measured has no entry in METRICS.
    """
    from sparsefaces.training.device import choose_device  # noqa: PLC0415 - torch, which only a training needs
    from sparsefaces.training.evaluate import evaluate  # noqa: PLC0415 - as above
    from sparsefaces.training.products import choose_products  # noqa: PLC0415 - as above

    tiny = np.eye(2, dtype=np.float32)
    check_metrics(evaluate(tiny, Model(initialize(2, 2, seed=0)._replace(W=tiny)), Coefficients(0, 0, 0)))

    device = choose_device(params.machine.device)
    products = choose_products(params.machine.products, device).name
    machine = {"device": device, "products": products, "threads": str(params.machine.threads)}
    machine["processes"] = str(processes)
    sections = {"train": params.train.model_dump(), stage: params.of_model(stage).model_dump(by_alias=True)}
    return describe(stage, sections, data, {}, machine)


def log_training(run: TrackedRun, stage: str, training: Training, data: Dataset) -> None:
    """Log what a training left: final metrics, its files, its filters, its hash, and the model to be served."""
    folder = STAGES / stage
    files = [folder / name for name in ("model.safetensors", "history.csv", "metrics.json")]
    run.log_values("final", training.metrics)
    filters = draw_filters(training.model, data)
    run.log_file("filters.png", filters)
    result, note = md5(folder / "model.safetensors"), _table({ALIASES[stage]: training.metrics})
    run.log_results(files, result, _model_tag(stage), note, "filters.png")
    run.log_model(*_model(stage, data))


def describe_comparison(params: Params, data: Dataset) -> Description:
    """Describe a comparison that is about to start; its tags name the models that it reads."""
    return describe("analyze", {"analyze": params.analyze.model_dump()}, data, _models(), {})


def log_comparison(run: TrackedRun, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Log what a comparison left."""
    for model, values in metrics.items():
        run.log_values(model, values)
    files = [file for file in sorted(ANALYZE.iterdir()) if not file.name.startswith(".")]
    run.log_results(files, md5(ANALYZE / "metrics.json"), _comparison_tag(), _table(metrics), "decoder.png")


def log_missing_trainings(data: Dataset) -> list[str]:
    """Log from their folders the trainings that no finished run is known of, or whose model is not served.

    DVC restores a stage from its cache without starting its script. Runs are found by content.

    Returns:
        The stages that lacked something.

    Raises:
        UserError: A folder is incomplete, or the store cannot be used or refuses a model.
    """
    return _log_missing(data, TRAININGS.values())


def log_all(data: Dataset) -> list[str]:
    """Log whatever MLflow lacks: of records that were not delivered, then of the results in the stages' folders.

    Returns:
        The stages that lacked something.

    Raises:
        UserError: The store cannot be used, or refuses a part of a run, which is named.
    """
    with asking() as store:
        logged = deliver_pending(store, refused=True)
    logged += _log_missing(data, [*TRAININGS.values(), "analyze"])
    refused = []
    for record in take_records("*"):
        with closing(record):
            refused.append(left_out(record))
    if any(refused):
        raise UserError("\n".join(filter(None, refused)))
    return list(dict.fromkeys(logged))


def _log_missing(data: Dataset, stages: Iterable[str]) -> list[str]:
    logged: list[str] = []
    refused: dict[str, str] = {}
    with alone("track"), asking() as store:  # alone, or two would find the same missing, and both log it
        for stage in stages:
            complete = _complete_comparison if stage == "analyze" else _complete_training
            with leaving_out(refused, stage):
                logged += [stage] if complete(store, stage, data) else []
    if refused:
        reasons = " and ".join(f"{stage} ({reason})" for stage, reason in refused.items())
        raise UserError(f"MLflow's store {shown_uri()} refuses the model of {reasons}")
    return logged


def _complete_training(store: Store, stage: str, data: Dataset) -> bool:
    """Log a training, or register its model; tell whether either was missing."""
    finished = store.find({"stage": stage, "data.sha256": data_hash(), **_model_tag(stage)})
    if any(is_served(store, run.info.run_id, _alias(stage)) for run in finished):
        return False
    if finished:
        alias, files, example = _model(stage, data)
        with TemporaryDirectory() as folder:
            save_model(Path(folder), files, example)
            register(store, finished[0].info.run_id, alias, Path(folder))
        return True
    training = load_training(stage, data.X.shape[1])
    sections = _recorded_sections(stage, train=TrainParams, **{stage: ModelParams})
    with track(describe(stage, sections, data, {})) as run:
        run.resume(training.history)
        log_pictures(run, int(training.history[-1]["step"]), training.model, data)
        log_training(run, stage, training, data)
    return True


def _complete_comparison(store: Store, stage: str, data: Dataset) -> bool:
    """Log the comparison; tell whether it was missing."""
    if store.find({"stage": stage, **_comparison_tag()}):
        return False
    sections = _recorded_sections(stage, analyze=AnalyzeParams)
    with track(describe(stage, sections, data, _models())) as run:
        log_comparison(run, read_json(ANALYZE / "metrics.json", dict.fromkeys(TRAININGS, dict)))
    return True


def _recorded_sections(stage: str, **kinds: type[Section]) -> Sections:
    """Read from dvc.lock the sections that a stage's folder was made with, as the stage has them: 1.0 for 1."""
    sections: Sections = recorded(stage).get("params", {}).get("params.yaml", {})
    with suppress(ValidationError, KeyError):  # of another version of the code, whose runs are other runs
        return {name: kind.model_validate(sections[name]).model_dump(by_alias=True) for name, kind in kinds.items()}
    return sections


def _models() -> dict[str, str]:
    return {f"model.{name}": _model_tag(stage)["model.sha256"] for name, stage in TRAININGS.items()}


def _comparison_tag() -> dict[str, str]:
    return {"metrics.sha256": sha256(ANALYZE / "metrics.json"), "report.sha256": sha256(ANALYZE / "report.html")}


def _model_tag(stage: str) -> dict[str, str]:
    return {"model.sha256": sha256(STAGES / stage / "model.safetensors")}


def _alias(stage: str) -> str | None:
    """Name the alias of a stage's model; what an experiment trains leaves the aliases to the models in stages/."""
    return None if os.environ.get("DVC_EXP_NAME") else ALIASES[stage]


def _model(stage: str, data: Dataset) -> tuple[str | None, dict[str, Path], Array]:
    """Name a training's model, the files that it is made of, and an example of its input, two faces."""
    files = {"weights": STAGES / stage / "model.safetensors", "scaling": STANDARDIZE / "scaling.npz"}
    return _alias(stage), files, data.to_pixels(example_rows(data, 2))


def _table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay the main numbers of models out as a table in Markdown, one column per model."""
    rows = [[name, *(values.get(name) for values in metrics.values())] for name in NOTED]
    style = {"tablefmt": "github", "floatfmt": ".5g", "missingval": "infinite", "numalign": "right"}
    return str(tabulate(rows, ["", *metrics], **style))

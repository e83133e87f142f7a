"""What each stage's run holds, and the runs that are still missing."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from tabulate import tabulate

from sparsefaces.base.files import STAGES, read_json, sha256
from sparsefaces.base.params import AnalyzeParams, ModelParams, Params, Section, TrainParams
from sparsefaces.standardize.dataset import STANDARDIZE, Dataset
from sparsefaces.tracking.description import Description, describe, recorded
from sparsefaces.tracking.models import ServedModel
from sparsefaces.tracking.pictures import draw_filters, example_rows
from sparsefaces.tracking.runs import MISSING, TrackedRun, track
from sparsefaces.tracking.store import Store, reaching
from sparsefaces.training.outputs import TRAININGS, Training, load_training

ANALYZE = STAGES / "analyze"
ALIASES = {stage: name for name, stage in TRAININGS.items()}
NOTED = ("rec", "explained_variance", "spa", "l0", "silent_units", "loss")  # numbers that the note shows


def describe_training(stage: str, params: Params, data: Dataset, processes: int = 1) -> Description:
    """Describe a training that so many processes are about to start."""
    machine = {"device": params.machine.device, "threads": str(params.machine.threads), "processes": str(processes)}
    sections = {"train": params.train.model_dump(), stage: params.of_model(stage).model_dump(by_alias=True)}
    return describe(stage, sections, data, {}, machine)


def describe_comparison(params: Params, data: Dataset) -> Description:
    """Describe a comparison that is about to start; its tags name the models that it reads."""
    return describe("analyze", {"analyze": params.analyze.model_dump()}, data, _models(), {})


def log_training(run: TrackedRun, stage: str, training: Training, data: Dataset) -> None:
    """Log what a training left: its history, final metrics, files and filters, and the model to be served."""
    folder = STAGES / stage
    for row in training.history:
        run.log_values("batch", row, int(row["step"]))
    run.log_values("final", training.metrics)
    for name in ("model.safetensors", "history.csv", "metrics.json"):
        run.outbox.files[name] = (folder / name).read_bytes()
    run.outbox.files["filters.png"] = draw_filters(training.model, data)
    _log_note(run, {ALIASES[stage]: training.metrics}, "filters.png", _of_model(stage))
    alias = None if os.environ.get("DVC_EXP_NAME") else ALIASES[stage]  # those of experiments have no alias
    files = folder / "model.safetensors", STANDARDIZE / "scaling.npz"
    run.model = ServedModel(alias, *files, data.to_pixels(example_rows(data, 2)))


def log_comparison(run: TrackedRun, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Log what a comparison left."""
    for model, values in metrics.items():
        run.log_values(model, values)
    for file in ANALYZE.glob("[!.]*"):
        run.outbox.files[file.name] = file.read_bytes()
    _log_note(run, metrics, "decoder.png", _of_comparison())


def log_missing(store: Store, data: Dataset, stages: Iterable[str]) -> list[str]:
    """Log from their folders the results that no finished run is known of, and name their stages.

    DVC restores a stage from its cache without starting its script. Runs are found by their results.
    """
    logged = []
    for stage in stages:
        result = _of_comparison() if stage == "analyze" else _of_model(stage)
        tags = [f"tags.`{name}` = '{value}'" for name, value in {"stage": stage, **result}.items()]
        with reaching(store.uri):
            found = store.find("attributes.status = 'FINISHED'", *tags)
        if all(run.data.tags.get(MISSING) for run in found):
            _log_from_folder(stage, data)
            logged.append(stage)
    return logged


def _log_from_folder(stage: str, data: Dataset) -> None:
    kinds: dict[str, type[Section]]
    kinds = {"train": TrainParams, stage: ModelParams} if stage in ALIASES else {"analyze": AnalyzeParams}
    values = recorded(stage)["params"]["params.yaml"]
    sections = {name: kind.model_validate(values[name]).model_dump(by_alias=True) for name, kind in kinds.items()}
    with track(describe(stage, sections, data, {} if stage in ALIASES else _models())) as run:
        if stage in ALIASES:
            log_training(run, stage, load_training(stage), data)
        else:
            log_comparison(run, read_json(ANALYZE / "metrics.json"))


def _models() -> dict[str, str]:
    return {f"model.{name}": _of_model(stage)["model.sha256"] for name, stage in TRAININGS.items()}


def _of_model(stage: str) -> dict[str, str]:
    return {"model.sha256": sha256(STAGES / stage / "model.safetensors")}


def _of_comparison() -> dict[str, str]:
    return {"metrics.sha256": sha256(ANALYZE / "metrics.json"), "report.sha256": sha256(ANALYZE / "report.html")}


def _log_note(run: TrackedRun, metrics: Mapping[str, Any], figure: str, result: Mapping[str, str]) -> None:
    """Log what names the result, and the text of the run's page: the main numbers of each model, and a figure."""
    rows = [[name, *(values.get(name) for values in metrics.values())] for name in NOTED]
    table = tabulate(rows, ["", *metrics], tablefmt="github", floatfmt=".5g", missingval="infinite", numalign="right")
    note = f"{run.note}\n\n{table}\n\n![{figure}](get-artifact?path={figure}&run_uuid={run.id})"
    run.outbox.tags |= {**result, "mlflow.note.content": note}

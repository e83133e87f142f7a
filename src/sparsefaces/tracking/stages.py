"""What each stage's run holds, and the runs that are still missing."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from tabulate import tabulate

from sparsefaces.base.files import STAGES, read_json, sha256
from sparsefaces.base.params import MODEL_PREFIX, AnalyzeParams, ModelParams, Params, TrainParams, name_of
from sparsefaces.standardize.dataset import STANDARDIZE, Dataset
from sparsefaces.tracking.description import Description, describe, locked_params
from sparsefaces.tracking.models import ServedModel
from sparsefaces.tracking.pictures import draw_filters, example_rows
from sparsefaces.tracking.runs import MISSING, TrackedRun, track
from sparsefaces.tracking.store import Store, reaching
from sparsefaces.training.outputs import Training, load_training

ANALYZE = STAGES / "analyze"
NOTED = ("rec", "explained_variance", "spa", "l0", "silent_units", "loss")  # numbers that the note shows


def describe_training(stage: str, params: Params, data: Dataset, processes: int = 1) -> Description:
    """Describe a training that so many processes are about to start."""
    machine = {"device": params.machine.device, "threads": str(params.machine.threads), "processes": str(processes)}
    return describe(stage, {"train": params.train, stage: params.of_model(stage)}, data, {}, machine)


def describe_comparison(params: Params, data: Dataset) -> Description:
    """Describe a comparison that is about to start; its tags name the models that it reads."""
    return describe("analyze", {"analyze": params.analyze}, data, _models(params.models), {})


def log_training(run: TrackedRun, stage: str, training: Training, data: Dataset) -> None:
    """Log what a training left: its history, final metrics, files and filters, and the model to be served."""
    folder = STAGES / stage
    for row in training.history:
        run.log_values("batch", row, int(row["step"]))
    run.log_values("final", training.metrics)
    for name in ("model.safetensors", "history.csv", "metrics.json"):
        run.outbox.files[name] = (folder / name).read_bytes()
    run.outbox.files["filters.png"] = draw_filters(training.model, data)
    _log_note(run, {name_of(stage): training.metrics}, "filters.png", _of_model(stage))
    alias = None if os.environ.get("DVC_EXP_NAME") else name_of(stage)  # those of experiments have no alias
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
    values = locked_params(stage)
    models = [name for name in values if name.startswith(MODEL_PREFIX)]
    if stage == "analyze":
        sections = {"analyze": AnalyzeParams.model_validate(values["analyze"])}
        with track(describe(stage, sections, data, _models(models))) as run:
            log_comparison(run, read_json(ANALYZE / "metrics.json"))
    else:
        of_train, of_model = TrainParams.model_validate(values["train"]), ModelParams.model_validate(values[stage])
        with track(describe(stage, {"train": of_train, stage: of_model}, data)) as run:
            log_training(run, stage, load_training(stage), data)


def _models(stages: Iterable[str]) -> dict[str, str]:
    return {f"model.{name_of(stage)}": _of_model(stage)["model.sha256"] for stage in stages}


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

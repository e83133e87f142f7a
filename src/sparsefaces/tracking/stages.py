"""What each stage's run holds, and the runs that are still missing."""

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from sparsefaces.base.files import STAGES, read_json, sha256
from sparsefaces.base.params import (
    MODEL_PREFIX,
    AnalyzeParams,
    ModelParams,
    Params,
    Section,
    TrainParams,
    name_of,
    read_yaml_file,
)
from sparsefaces.standardize.dataset import STANDARDIZE, Dataset
from sparsefaces.tracking.description import Description, Sections, describe, model_hash
from sparsefaces.tracking.models import register
from sparsefaces.tracking.pictures import draw_filters, example_rows
from sparsefaces.tracking.runs import MISSING, TrackedRun, track
from sparsefaces.tracking.store import Store, reaching
from sparsefaces.training.outputs import Training, load_training

ANALYZE = STAGES / "analyze"


def describe_training(stage: str, params: Params, data: Dataset, processes: int = 1) -> Description:
    """Describe a training that so many processes are about to start."""
    machine = {"device": params.machine.device, "threads": str(params.machine.threads), "processes": str(processes)}
    return describe(stage, {"train": params.train, stage: params.of_model(stage)}, data, machine)


def describe_comparison(params: Params, data: Dataset) -> Description:
    """Describe a comparison that is about to start; its tags name the models that it reads."""
    return describe("analyze", {"train": params.train, **params.models, "analyze": params.analyze}, data, {})


def log_training(run: TrackedRun, stage: str, training: Training, data: Dataset) -> None:
    """Log what a training left: its history, final metrics, files and filters, and the model to be served."""
    folder = STAGES / stage
    for row in training.history:
        run.log_values("batch", row, int(row["step"]))
    run.log_values("final", training.metrics)
    for name in ("model.safetensors", "history.csv", "metrics.json"):
        run.outbox.files[name] = (folder / name).read_bytes()
    run.outbox.files["filters.png"] = draw_filters(training.model, data)
    _log_result(run, stage, "filters.png")
    alias = None if os.environ.get("DVC_EXP_NAME") else name_of(stage)  # those of experiments have no alias
    files = {"weights": folder / "model.safetensors", "scaling": STANDARDIZE / "scaling.npz"}
    run.model = partial(register, alias=alias, files=files, example=data.to_pixels(example_rows(data, 2)))


def log_comparison(run: TrackedRun, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Log what a comparison left."""
    for model, values in metrics.items():
        run.log_values(model, values)
    for file in ANALYZE.glob("[!.]*"):
        run.outbox.files[file.name] = file.read_bytes()
    _log_result(run, "analyze", "decoder.png")


def log_missing(store: Store, data: Dataset, stages: Iterable[str]) -> list[str]:
    """Log from their folders the results that no finished run is known of, and name their stages.

    DVC restores a stage from its cache without starting its script. Runs are found by their results.
    """
    logged = []
    for stage in stages:
        tags = [f"tags.`{name}` = '{value}'" for name, value in {"stage": stage, **_result(stage)}.items()]
        with reaching(store.uri):
            found = store.find("attributes.status = 'FINISHED'", *tags)
        if not all(run.data.tags.get(MISSING) for run in found):
            continue
        with track(describe(stage, _locked_sections(stage), data)) as run:
            if stage == "analyze":
                log_comparison(run, read_json(ANALYZE / "metrics.json"))
            else:
                log_training(run, stage, load_training(stage), data)
        logged.append(stage)
    return logged


def _locked_sections(stage: str) -> Sections:
    """Read from dvc.lock the sections of params.yaml that a stage was made with."""
    values = read_yaml_file(Path("dvc.lock"))["stages"][stage]["params"]["params.yaml"]
    others: dict[str, type[Section]] = {"train": TrainParams, "analyze": AnalyzeParams}
    known = [name for name in values if name in others or name.startswith(MODEL_PREFIX)]
    return {name: others.get(name, ModelParams).model_validate(values[name]) for name in known}


def _result(stage: str) -> dict[str, str]:
    """Name a stage's result by the hashes of its files, as tags."""
    if stage == "analyze":
        return {f"{path.stem}.sha256": sha256(path) for path in (ANALYZE / "metrics.json", ANALYZE / "report.html")}
    return {"model.sha256": model_hash(stage)}


def _log_result(run: TrackedRun, stage: str, figure: str) -> None:
    """Log what names the result, and show a figure on the run's page."""
    note = f"{run.note}\n\n![{figure}](get-artifact?path={figure}&run_uuid={run.id})"
    run.outbox.tags |= {**_result(stage), MLFLOW_RUN_NOTE: note}

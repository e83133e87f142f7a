"""What the trainings leave in their folders, written and read: the contracts of the results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sparsefaces.base.files import STAGES, read_history, read_json, write_csv, write_json
from sparsefaces.training.model import Model
from sparsefaces.training.model_file import load_model, save_model

Row = dict[str, float]


class Training(NamedTuple):
    """One finished training.

    Attributes:
        model: The model.
        history: Rows of history.csv, in order.
        metrics: metrics.json: the model over the whole data set.
    """

    model: Model
    history: Sequence[Row]
    metrics: Mapping[str, Any]


def save_training(stage: str, training: Training) -> None:
    """Write model.safetensors, history.csv and metrics.json."""
    folder = STAGES / stage
    save_model(folder / "model.safetensors", training.model)
    write_csv(folder / "history.csv", training.history)
    write_json(folder / "metrics.json", training.metrics)


def load_training(stage: str, stages: Path | str = STAGES) -> Training:
    """Read what a training left in the folder `stages`."""
    folder = Path(stages, stage)
    return Training(
        model=load_model(folder / "model.safetensors"),
        history=read_history(folder / "history.csv"),
        metrics=read_json(folder / "metrics.json"),
    )

"""What sparsity costs over the trainings that MLflow knows: explained variance against active units."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from pandas import DataFrame

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import MODEL_FIELDS, label_of
from sparsefaces.metrics.table import METRICS

FREE = [f"params.{name}" for name in (*MODEL_FIELDS, "seed", "log_every")]  # what a sweep varies
X, Y = "l0", "explained_variance"


def draw_tradeoff(runs: DataFrame) -> Figure:
    """Draw the newest training, and those that differ from it in how their codes are made and in seed alone.

    Args:
        runs: Of `finished_trainings`. A parameter that a run lacks is newer, and has its default there.

    Raises:
        UserError: There are none.
    """
    if f"metrics.final/{X}" not in runs:
        raise UserError("MLflow has no finished training: make repro trains two, docs/sweeps.md says how to train many")
    fixed = runs.filter(regex="^params[.]").drop(columns=FREE, errors="ignore").fillna("")
    runs = runs[(fixed == fixed.iloc[0]).all(axis=1)]
    figure = Figure((8, 5), layout="constrained")
    axes = figure.add_subplot(xscale="log", xlabel=METRICS[X].label, ylabel=METRICS[Y].label)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    for activation, alike in runs.groupby("params.activation"):
        axes.scatter(alike[f"metrics.final/{X}"], alike[f"metrics.final/{Y}"], label=activation)
    for run in runs.to_dict("records"):
        label = label_of({name: run[f"params.{name}"] for name in MODEL_FIELDS if run.get(f"params.{name}")})
        place = run[f"metrics.final/{X}"], run[f"metrics.final/{Y}"]
        axes.annotate(label, place, (5, 5), textcoords="offset points", fontsize="small")
    axes.legend()
    return figure

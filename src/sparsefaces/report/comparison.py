"""The models side by side: figures of merit and pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from tabulate import tabulate

from sparsefaces.analyze.evidence import Evidence, Reconstructions
from sparsefaces.base.params import AnalyzeParams
from sparsefaces.metrics import sorted_activations
from sparsefaces.metrics.table import METRICS
from sparsefaces.report import compression_figures, figures
from sparsefaces.report.style import new_figure, paper, png_of_figure
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.training.outputs import Training

ByModel = Mapping[str, Mapping[str, Any]]
MAIN = ("rec", "explained_variance", "l0", "effective_area")  # what the terminal shows, if it is finite


def compare_metrics(trainings: Mapping[str, Training], evidence: Evidence) -> dict[str, dict[str, Any]]:
    """Put what is known of the models side by side: each training's metrics, and what the analysis adds."""
    rows = {row["method"]: {name: row[name] for name in row if name in METRICS} for row in evidence.claims["methods"]}
    held_out = {name: evidence.held_out[name] | of.metrics.get("held_out", {}) for name, of in trainings.items()}
    return {name: {**rows[name], **of.metrics, "held_out": held_out[name]} for name, of in trainings.items()}


def held_out_of(metrics: ByModel) -> dict[str, dict[str, Any]]:
    """Find what is known of each model, or of its refit, on faces held out: what no face changes is left out."""
    of_faces = [key for key, metric in METRICS.items() if metric.on in ("error", "codes", "units")]
    held_out = {name: of.get("held_out", {}) for name, of in metrics.items()}
    return {name: {key: of[key] for key in of_faces if key in of} for name, of in held_out.items()}


def summarize(metrics: ByModel, provenance: Mapping[str, Any]) -> str:
    """Lay the main numbers of the models out for a terminal; say where the rest is, and if the faces are others."""
    rows = [
        [f"{METRICS[name].title}{where}", *(METRICS[name].form.format(of[name]) for of in by_model.values())]
        for name in MAIN
        for where, by_model in (("", metrics), (", held out", held_out_of(metrics)))
        if None not in (of.get(name) for of in by_model.values())
    ]
    sides = ["left", *["right"] * len(metrics)]
    table = tabulate(rows, ["", *metrics], tablefmt="plain", disable_numparse=True, colalign=sides)
    text = f"{table}\nThe whole comparison: stages/analyze/report.html. The runs in MLflow: make ui"
    if provenance["fallback_reason"]:
        source, requested = provenance["source"].upper(), provenance["wanted"].upper()
        text += f"\nNOT {requested}: these are the {source} faces. "
        text += "Undo it: git restore dvc.lock stages && git clean -fX stages"
    return text


def draw_comparison(
    data: Dataset, trainings: Mapping[str, Training], evidence: Evidence, params: AnalyzeParams
) -> dict[str, bytes]:
    """Draw the comparison's figures, as PNG by name."""
    with paper():
        drawn = _draw(data, trainings, evidence, params)
        return {name: png_of_figure(figure) for name, figure in drawn.items()}


def _draw(
    data: Dataset, trainings: Mapping[str, Training], evidence: Evidence, params: AnalyzeParams
) -> dict[str, Figure]:
    models = [*trainings]
    return {
        "sparsity": figures.draw_sparsity(
            new_figure(figures.SPARSITY_SIZE),
            {name: sorted_activations(Z[: params.faces]) for name, Z in evidence.codes.items()},
            min(params.faces, len(data.X)),
        ),
        "decoder": figures.draw_decoders(
            new_figure(figures.decoders_size(len(models), data.shape)),
            {name: training.model.filters for name, training in trainings.items()},
            data.shape,
            params.filters,
            params.filter_scale,
        ),
        "curves": figures.draw_curves(
            new_figure(figures.CURVES_SIZE), {name: training.history for name, training in trainings.items()}
        ),
        "reconstructions": _draw_reconstructions(evidence.reconstructions, models),
        "rate_distortion": compression_figures.draw_rate_distortion(
            new_figure(compression_figures.RATES_SIZE), evidence.rate_distortion, models
        ),
        "rates": compression_figures.draw_strip(new_figure(compression_figures.STRIP_SIZE), evidence.strip, models),
    }


def _draw_reconstructions(faces: Reconstructions, models: Sequence[str]) -> Figure:
    rows = dict(faces.rows)
    rows[f"PCA: {faces.coefficients}\ncomponents"] = rows.pop("PCA")  # last, as it was
    count, *shape = faces.originals.shape
    size = figures.reconstructions_size(1 + 2 * len(faces.rows), count, (shape[0], shape[1]))
    return figures.draw_reconstructions(
        new_figure(size), faces.originals, {name: (row, row - faces.originals) for name, row in rows.items()}, models
    )

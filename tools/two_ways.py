"""Compare two ways to be sparse on people held out: L1 over lambda, and top-k over k, with several seeds.

Draws examples/two-ways.png and renews the tables in docs/results.md, from the faces of stages/fetch and the train
section of params.yaml; what is trained is kept in the cache. Usage: python tools/two_ways.py
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from tabulate import tabulate

from sparsefaces.analyze.bootstrap import paired_difference
from sparsefaces.analyze.compression import autoencoder_code
from sparsefaces.analyze.held_out_models import refits
from sparsefaces.analyze.parallel import run_jobs
from sparsefaces.base.arrays import Array
from sparsefaces.base.files import STAGES, write_bytes
from sparsefaces.base.params import ModelParams, TrainParams, load_params
from sparsefaces.colors import COLORS, TOP_K
from sparsefaces.metrics import (
    METRICS,
    effective_area,
    explained_variance,
    is_nonzero,
    psnr,
    spatial_spread,
    window_energy,
)
from sparsefaces.report.style import grid, new_figure, paper, png_of_figure
from sparsefaces.standardize.split import split_people
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.training.activations import Activation
from sparsefaces.training.model import Model
from sparsefaces.training.weights import Weights

LAMBDAS, KS, SEEDS, HOLDOUT = (0.1, 0.3, 1.0, 3.0), (10, 20, 40, 80, 160), (1, 2, 3), 0.2
COMPARED = 1.0  # the lambda whose strongest units are compared with as many of top-k's
PAGE, PICTURE = Path("docs/results.md"), Path("examples/two-ways.png")
START, END = "<!-- two ways -->", "<!-- /two ways -->"
MODELS = [ModelParams.model_validate({"lambda": lambd}) for lambd in LAMBDAS]
MODELS += [ModelParams.model_validate({"lambda": 0.0, "activation": "topk", "k": k}) for k in KS]


class Faces(NamedTuple):
    """Standardised faces, those that train and those held out, the latter's people, and what undoes the scale."""

    training: Array
    held_out: Array
    people: NDArray[np.int32]
    shape: tuple[int, int]
    scale: float


def read_faces() -> Faces:
    """Split the faces by people, and standardise all by those that train."""
    images, people = np.load(STAGES / "fetch/faces.npy"), np.load(STAGES / "fetch/people.npy")
    train_mask = split_people(people, HOLDOUT)
    scaling = measure_scaling(images, train_mask)
    X = scaling.standardize(images)
    held_out = ~train_mask
    return Faces(X[train_mask], X[held_out], people[held_out], images.shape[1:], float(scaling.scale))


def train(faces: Faces, params: TrainParams) -> dict[tuple[str, int], Model]:
    """Train every model with every seed, two or more at a time; name them by label and seed."""
    jobs = {}
    for seed in SEEDS:
        of_seed = params.model_copy(update={"seed": seed})
        models = {model.label.replace(" ", "-"): model for model in MODELS}
        made = refits(faces.training, of_seed, models)
        jobs |= {(model.label, seed): made[name] for name, model in models.items()}
    arrays = run_jobs(jobs)
    activations = {model.label: Activation(model.activation, model.k) for model in MODELS}
    return {key: Model(Weights(**arrays[key]), activations[key[0]]) for key in jobs}


def errors_of_people(faces: Faces, errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the errors of each person's faces, in squared units of a pixel."""
    _, person = np.unique(faces.people, return_inverse=True)
    return np.bincount(person, errors) / np.bincount(person) * faces.scale**2


def measure(model: Model, faces: Faces) -> dict[str, float]:
    """Measure a model on people held out, and its filters."""
    Z = model.encode(faces.held_out)
    errors = np.square(model.decode(Z) - faces.held_out).mean(axis=1, dtype=np.float64)
    filters = model.filters[is_nonzero(model.filters)]
    variance = np.square(faces.held_out).mean(dtype=np.float64)
    geometry = (effective_area(filters), spatial_spread(filters, faces.shape), window_energy(filters, faces.shape))
    area, spread, window = (float(np.median(values)) for values in geometry)
    return {
        "l0": float(np.count_nonzero(Z, axis=1).mean()),
        "silent_units": float((~model.encode(faces.training).any(axis=0)).sum()),
        "explained_variance": explained_variance(errors.mean(), variance),
        "psnr": float(psnr(errors_of_people(faces, errors).mean())),
        "effective_area": area,
        "spread": spread,
        "window": window,
    }


def strongest(model: Model, faces: Faces, k: int) -> NDArray[np.float64]:
    """Decode each face's k strongest units; return the mean error of each person."""
    code = autoencoder_code(model, faces.training[:1000], faces.held_out)
    decoded = model.decode(np.where(code.rank < k, code.codes, 0))
    return errors_of_people(faces, np.square(decoded - faces.held_out).mean(axis=1, dtype=np.float64))


def table_of_models(measured: Mapping[tuple[str, int], Mapping[str, float]]) -> str:
    """Lay the models out, the mean of their seeds."""
    headers = ("model", "active units", "silent", "explained variance", "PSNR, dB", "filter covers", "spread", "window")
    forms = ("{:.1f}", "{:.1f}", "{:.1%}", "{:.2f}", "{:.1%}", "{:.3f}", "{:.3f}")
    rows = []
    for model in MODELS:
        of_seeds = [measured[model.label, seed] for seed in SEEDS]
        means = [mean(one[name] for one in of_seeds) for name in of_seeds[0]]
        rows.append([model.label, *(form.format(value) for form, value in zip(forms, means, strict=True))])
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True, colalign=("left", *["right"] * 7))


def table_of_pairs(models: Mapping[tuple[str, int], Model], faces: Faces) -> str:
    """Compare top-k with as many strongest units of an L1 model, seed by seed, over the people held out."""
    rows = []
    for k in KS:
        row = [str(k)]
        for seed in SEEDS:
            l1 = strongest(models[f"lambda {COMPARED:g}", seed], faces, k)
            topk = strongest(models[f"top-k {k}", seed], faces, k)
            gain = paired_difference(l1, topk, psnr)
            row.append(f"{gain.value:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]".replace("-", "\u2212"))
        rows.append(row)
    headers = ("active units", *(f"seed {seed}" for seed in SEEDS))
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def draw(measured: Mapping[tuple[str, int], Mapping[str, float]]) -> bytes:
    """Draw explained variance and the area of filters against active units, a point per training."""
    with paper():
        figure = new_figure((11, 4.5))
        for axes, name in zip(figure.subplots(1, 2), ("explained_variance", "effective_area"), strict=True):
            axes.set(xscale="log", xlabel=METRICS["l0"].label, ylabel=METRICS[name].label)
            axes.yaxis.set_major_formatter(PercentFormatter(1))
            grid(axes)
            for way, color, models in (("L1", COLORS["sparse"], MODELS[:4]), ("top-k", TOP_K, MODELS[4:])):
                points = [measured[model.label, seed] for model in models for seed in SEEDS]
                axes.scatter([one["l0"] for one in points], [one[name] for one in points], color=color, label=way)
            for model in MODELS:
                first = measured[model.label, SEEDS[0]]
                axes.annotate(model.label, (first["l0"], first[name]), (6, -13), textcoords="offset points", fontsize=9)
        figure.axes[0].legend()
        return png_of_figure(figure)


def main() -> None:
    """Train, measure, draw and write."""
    faces, params = read_faces(), load_params().train
    models = train(faces, params)
    measured = {key: measure(model, faces) for key, model in models.items()}
    write_bytes(PICTURE, draw(measured))
    tables = f"\n{table_of_models(measured)}\n\n{table_of_pairs(models, faces)}\n"
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(START)[0], page.partition(END)[2]
    write_bytes(PAGE, f"{before}{START}{tables}{END}{after}".encode())
    print(tables)


if __name__ == "__main__":
    main()

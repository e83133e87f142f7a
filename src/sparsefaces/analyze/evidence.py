"""What the comparison rests on: every method measured, the claims judged, the curves of compression."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.analyze.baselines import BASELINES, Factors, baseline_fits
from sparsefaces.analyze.claims import judge_claims
from sparsefaces.analyze.compression import HeldOut
from sparsefaces.analyze.crossings import compare_curves, describe_sizes
from sparsefaces.analyze.held_out_models import refits
from sparsefaces.analyze.jpeg import JPEG, jpeg_job
from sparsefaces.analyze.methods import DIGITS, factors_of, measure, rounded_all, summarize
from sparsefaces.analyze.parallel import Job, run_jobs
from sparsefaces.analyze.rate_distortion import Strip, table, trace_rates
from sparsefaces.base.arrays import Array
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import Params, name_of
from sparsefaces.base.progress import heartbeat, say
from sparsefaces.metrics import rounded, sorted_activations
from sparsefaces.metrics.table import COMPARISON, apply_metrics
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.standardize.split import count_people, people_apart, split_people
from sparsefaces.training.outputs import Training
from sparsefaces.training.weights import Weights

ACTIVATION_POINTS = 400
RECONSTRUCTED_FACES = 12
FEWEST_FACES = 2


class Reconstructions(NamedTuple):
    """The first faces and what each method makes of them, all (n, height, width).

    Attributes:
        originals: In [0, 1].
        rows: In [0, 1], by method: the models and PCA.
        coefficients: How many PCA was given: as many as the second model's code uses on average.
    """

    originals: NDArray[np.float32]
    rows: dict[str, NDArray[np.float32]]
    coefficients: int


class Evidence(NamedTuple):
    """All of it.

    Attributes:
        faces: The faces that were compared, of those that train.
        claims: claims.json: `claims`, `methods`, `compression`, `notes` on the latter, in sentences, and `sample`,
            which faces these are, if not all.
        held_out: What each model makes of people whom it has not seen, by model and metric.
        rate_distortion: The rows of rate_distortion.csv.
        activations: The rows of activations.csv.
        codes: Their codes, (N, h), by model.
        strip: Faces at several rates.
        reconstructions: Faces as each method shows them.
    """

    faces: Dataset
    claims: dict[str, Any]
    held_out: dict[str, dict[str, Any]]
    rate_distortion: list[dict[str, Any]]
    activations: list[dict[str, float | None]]
    codes: dict[str, Array]
    strip: Strip
    reconstructions: Reconstructions


def gather_evidence(
    data: Dataset, people: NDArray[np.int32], trainings: Mapping[str, Training], params: Params
) -> Evidence:
    """Measure, judge and trace everything; what takes long is kept in the scratch folder.

    Args:
        data: The faces, of which at most analyze.most_faces are looked at: what follows copies them. If some are held
            out, the others stand for all, but for compression.
        people: Person number by row.
        trainings: The pipeline's models, which have seen all faces that train.
        params: params.yaml.

    Raises:
        UserError: A model diverges when it is trained again, too few faces are left, or a measure has no entry in
            METRICS.
    """
    models = {name: training.model for name, training in trainings.items()}
    all_faces = len(data.X)
    data, rows = choose_faces(data, params.analyze.most_faces)
    people, seen = people_apart(people[rows]), data.training_part()
    train_mask, jobs = _refits_for_others(data, people, params)
    jpeg = {JPEG: jpeg_job(data._replace(X=data.rows(~train_mask)))}
    made = run_jobs(jobs | baseline_fits(seen, params.train.hidden_units) | jpeg)
    refitted = {name: models[name]._replace(weights=Weights(**made[name])) for name in jobs} or models
    baselines = {name: Factors(**made[name]) for name in BASELINES}
    say("Measuring the models and tracing rate and distortion")
    with heartbeat(lambda: "Measuring and tracing"):
        factors = {name: factors_of(model, seen.X) for name, model in models.items()} | baselines
        measured = {name: measure(method, seen) for name, method in factors.items()}
        rates = trace_rates(data, train_mask, people, refitted, made[JPEG])
    compared = {name: measured[name] for name in models}
    sizes = describe_sizes(train_mask.sum(), (~train_mask).sum(), count_people(people, ~train_mask))
    claims = {
        "claims": judge_claims(compared, people[data.train_mask], rates.held_out),
        "methods": summarize(measured, seen),
        "compression": compare_curves(rates.points, [*models]),
        "notes": [sizes],
    }
    if len(rows) < all_faces:
        claims["sample"] = (
            f"Compared on {len(rows):,} of the {all_faces:,} faces, evenly spaced; "
            "what the trainings measured themselves is of all."
        )
    focus = [*models][min(1, len(models) - 1)]  # the first of those that are compared with the first
    used = round(float(measured[focus].faces["l0"].mean()))
    codes = {name: factors[name].codes for name in models}
    activations = thin_out({name: sorted_activations(Z[: params.analyze.faces]) for name, Z in codes.items()})
    pictures = reconstruct(seen, factors, [*models], used)
    held_out = _of_people_held_out(rates.held_out)
    return Evidence(seen, claims, held_out, table(rates.points), activations, codes, rates.strip, pictures)


def _of_people_held_out(held_out: Mapping[str, HeldOut]) -> dict[str, dict[str, Any]]:
    return {
        name: rounded_all(apply_metrics(COMPARISON, "error", float(of.errors.mean()), of.variance))
        for name, of in held_out.items()
    }


def choose_faces(data: Dataset, most: int) -> tuple[Dataset, NDArray[np.int64]]:
    """Choose at most so many faces, evenly spaced; return their rows as well.

    Raises:
        UserError: Too few are left that train, or none that is held out.
    """
    chosen, rows = data.thinned_out(most)
    if chosen.train_mask.sum() < FEWEST_FACES or (chosen.train_mask.all() and not data.train_mask.all()):
        left = f"{chosen.train_mask.sum():,} images that train and {(~chosen.train_mask).sum():,} that are held out"
        raise UserError(f"analyze.most_faces leaves {left}: raise it")
    return chosen, rows


def _refits_for_others(
    data: Dataset, people: NDArray[np.int32], params: Params
) -> tuple[NDArray[np.bool_], dict[str, Job]]:
    """Tell which faces compression is fitted on, (N,), and train models that have seen these alone.

    Nothing is to be trained if faces are held out already: the pipeline's own models have not seen them.
    """
    if not data.train_mask.all():
        return data.train_mask, {}
    train_mask = split_people(people, params.analyze.held_out_people)
    models = {name_of(stage): model for stage, model in params.models.items()}
    return train_mask, refits(data.rows(train_mask), params.train, models)


def thin_out(activations: Mapping[str, Array]) -> list[dict[str, float | None]]:
    """Take rows of activations.csv, evenly spaced, from each model's sorted activations."""
    count = min(map(len, activations.values()))
    ranks = np.unique(np.linspace(0, count - 1, ACTIVATION_POINTS).round().astype(int))
    return [
        {"rank": int(rank)} | {name: rounded(values[rank], DIGITS) for name, values in activations.items()}
        for rank in ranks
    ]


def reconstruct(
    data: Dataset,
    factors: Mapping[str, Factors],
    models: Sequence[str],
    coefficients: int,
    faces: int = RECONSTRUCTED_FACES,
) -> Reconstructions:
    """Reconstruct the first faces with the models and the first so many components of PCA."""
    originals = data.to_images(data.X[:faces])
    pca = factors["PCA"]
    coefficients = min(max(coefficients, 1), len(pca.components))
    first = pca._replace(components=pca.components[:coefficients], codes=pca.codes[:, :coefficients])
    pictures = {name: factors[name] for name in models} | {"PCA": first}
    decoded = {name: f.codes[:faces] @ f.components + f.offset for name, f in pictures.items()}
    return Reconstructions(originals, {name: data.to_images(X) for name, X in decoded.items()}, coefficients)

"""What the comparison rests on: every method measured, the claims judged, the curves of compression."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsefaces.analyze.baselines import Factors, fit_baselines
from sparsefaces.analyze.claims import judge_claims
from sparsefaces.analyze.held_out_models import refit
from sparsefaces.analyze.methods import DIGITS, factors_of, measure, pixel_variance, summarize
from sparsefaces.analyze.rate_distortion import Strip, table, to_pixels, trace_rates
from sparsefaces.base.arrays import Array
from sparsefaces.base.params import Params
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.standardize.split import Holdout, hold_out, read_split
from sparsefaces.training.outputs import Training
from sparsefaces.training.weights import Weights, encode

ACTIVATION_POINTS = 400
RECONSTRUCTED_FACES = 12


class Reconstructions(NamedTuple):
    """The first faces and what each method makes of them, all (n, height, width).

    Attributes:
        originals: In [0, 1].
        rows: In [0, 1], by method: dense, sparse, PCA.
        differences: Reconstruction minus original, in [-1, 1], by method.
        coefficients: How many PCA was given: as many as the sparse code uses on average.
    """

    originals: NDArray[np.float32]
    rows: dict[str, NDArray[np.float32]]
    differences: dict[str, NDArray[np.float32]]
    coefficients: int


class Evidence(NamedTuple):
    """All of it.

    Attributes:
        claims: claims.json: `claims`, `methods`, and `notes` on compression, in sentences.
        rate_distortion: The rows of rate_distortion.csv.
        activations: The rows of activations.csv.
        strip: Faces at several rates.
        reconstructions: Faces as each method shows them.
    """

    claims: dict[str, Any]
    rate_distortion: list[dict[str, Any]]
    activations: list[dict[str, float]]
    strip: Strip
    reconstructions: Reconstructions


def gather_evidence(
    data: Dataset,
    people: NDArray[np.int32],
    trainings: Mapping[str, Training],
    params: Params,
    data_hash: str,
) -> Evidence:
    """Measure, judge and trace everything; what takes long is kept in the scratch folder.

    Args:
        data: The faces. Where some are held out, the others stand for all, but for compression.
        people: Person number by row.
        trainings: The pipeline's models, which have seen all faces that train.
        params: params.yaml.
        data_hash: What `facts.data_hash` says.

    Raises:
        UserError: A model diverges when it is trained again.
    """
    models = {name: training.weights for name, training in trainings.items()}
    seen = data.training_part()
    baselines = fit_baselines(seen, params.train.hidden_units, data_hash)
    holdout, judged = _judged_on_others(data, people, models, params, data_hash)
    print("Measuring the models and tracing rate and distortion", flush=True)
    factors = {name: factors_of(model, seen.X) for name, model in models.items()} | baselines
    measured = {name: measure(method, seen) for name, method in factors.items()}
    rates = trace_rates(data, holdout, judged)
    rows = judge_claims(measured["dense"], measured["sparse"], pixel_variance(seen), rates.pairs)
    claims = {"claims": rows, "methods": summarize(measured, seen), "notes": rates.notes}
    used = round(float(measured["sparse"].faces["l0"].mean()))
    return Evidence(
        claims,
        table(rates.points),
        sorted_activations(models, seen.X[: params.analyze.faces]),
        rates.strip,
        reconstruct(seen, factors, used),
    )


def _judged_on_others(
    data: Dataset, people: NDArray[np.int32], models: Mapping[str, Weights[Array]], params: Params, data_hash: str
) -> tuple[Holdout, Mapping[str, Weights[Array]]]:
    """Return a split of the people and models that have seen one side of it: the pipeline's own where they have."""
    if not data.trains.all():
        return read_split(data.trains, people), models
    holdout = hold_out(people, params.analyze.held_out_people)
    lambdas = {"dense": params.train_dense.lambd, "sparse": params.train_sparse.lambd}
    split = {"data": data_hash, "fitting": holdout.fitting.tolist()}
    return holdout, refit(data.X[holdout.fitting], params.train, lambdas, split)


def sorted_activations(models: Mapping[str, Weights[Array]], X: Array) -> list[dict[str, float]]:
    """Sort all activations on some faces, (n, d), from largest to smallest, and thin them out evenly."""
    columns = {name: np.sort(encode(X, model.V, model.b), axis=None)[::-1] for name, model in models.items()}
    count = min(map(len, columns.values()))
    ranks = np.unique(np.linspace(0, count - 1, ACTIVATION_POINTS).round().astype(int))
    return [
        {"rank": int(rank)} | {name: float(f"{values[rank]:.{DIGITS}g}") for name, values in columns.items()}
        for rank in ranks
    ]


def reconstruct(
    data: Dataset, factors: Mapping[str, Factors], coefficients: int, faces: int = RECONSTRUCTED_FACES
) -> Reconstructions:
    """Reconstruct the first faces with dense, sparse and the first so many components of PCA."""
    originals = to_pixels(data.X[:faces], data)
    pca = factors["PCA"]
    coefficients = min(max(coefficients, 1), len(pca.components))
    first = pca._replace(components=pca.components[:coefficients], codes=pca.codes[:, :coefficients])
    shown = {"dense": factors["dense"], "sparse": factors["sparse"], "PCA": first}
    rows = {name: to_pixels(f.codes[:faces] @ f.components + f.offset, data) for name, f in shown.items()}
    differences = {name: row - originals for name, row in rows.items()}
    return Reconstructions(originals, rows, differences, coefficients)

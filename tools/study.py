"""What each term of the objective does, and what sparsity buys: the study of docs/results.md, with three seeds.

Measures everything on people held out into examples/study.json, draws examples/frontier.png and renews the tables of
the page. What is trained is kept in the cache, so that an interrupted study continues. Usage: python tools/study.py
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import study_page
from numpy.typing import NDArray
from sklearn.decomposition import NMF, MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from sparsefaces.analyze.baselines import NMF_ITERATIONS, Factors, principal_components
from sparsefaces.analyze.bootstrap import paired_difference
from sparsefaces.analyze.claims import verdict
from sparsefaces.analyze.compression import orthogonal_code
from sparsefaces.analyze.held_out_models import refits
from sparsefaces.analyze.methods import measure, rounded_all, summarize
from sparsefaces.analyze.parallel import Job, run_jobs
from sparsefaces.analyze.stability import stability
from sparsefaces.base.arrays import Array
from sparsefaces.base.cache import Arrays
from sparsefaces.base.files import STAGES, write_json
from sparsefaces.base.params import ModelParams, TrainParams, load_params
from sparsefaces.base.progress import say
from sparsefaces.metrics import psnr
from sparsefaces.standardize.dataset import Dataset
from sparsefaces.standardize.split import people_apart, split_people
from sparsefaces.standardize.standardize import measure_scaling
from sparsefaces.training.model import Model, activation_of
from sparsefaces.training.weights import Weights

SEEDS, HOLDOUT, LONGER = (1, 2, 3), 0.2, 30_001
EQUAL = (60, 80, 120, 160)  # numbers of active units at which two ways are compared
COMPONENTS = (5, 10, 20, 40, 80, 160, 320)
PENALTIES = {"NMF": (0.0, 0.003, 0.01), "dictionary learning": (1.0, 2.0, 4.0)}


def _model(lambd: float, epsilon: float | None = None, eta: float | None = None, k: int | None = None) -> ModelParams:
    weights = {"lambda": lambd, "epsilon": epsilon, "eta": eta}
    return ModelParams.model_validate(weights | {"activation": "topk" if k else "relu", "k": k})


DENSE, L1_ALONE, L1_ENT, L1_REG, SPARSE = (
    _model(0.0),
    _model(1.0, 0, 0),
    _model(1.0, None, 0),
    _model(1.0, 0),
    _model(1.0),
)
ABLATION = [DENSE, L1_ALONE, L1_ENT, _model(0.0, None, 1.0), L1_REG, SPARSE]
ABLATION += [_model(0.0, k=40), _model(0.0, None, 1.0, 40), _model(1.0, k=40)]
FAMILIES = {
    "dense": [DENSE],
    "L1": [_model(lambd) for lambd in (0.1, 0.3, 1.0)],
    "L1 without ent": [L1_REG],
    "top-k": [_model(0.0, k=k) for k in (20, 40, 80, 160)],
}
MODELS = {model.label: model for models in (*FAMILIES.values(), ABLATION) for model in models}
REG, ENT = "reg keeps the sparsity term effective", "ent makes each unit active on a few examples at least"
TERMS = [  # the exercise's claims: the model without the term, that with it, the measure, and which way it should go
    *((REG, L1_ALONE, L1_REG, "l0", -1), (REG, L1_ALONE, L1_REG, "hoyer", 1)),
    *((REG, L1_ENT, SPARSE, "l0", -1), (REG, L1_ENT, SPARSE, "hoyer", 1)),
    (ENT, L1_REG, SPARSE, "silent_units", -1),
]


class Faces(NamedTuple):
    """Those that train, those held out, and whose the latter are."""

    training: Array
    held_out: Dataset
    people: NDArray[np.int32]


class Measured(NamedTuple):
    """A row of the results; the errors, codes' measures and filters that comparisons need beside it."""

    row: dict[str, Any]
    faces: dict[str, NDArray[np.float64]]
    filters: Array


Found = Mapping[tuple[str, int], Measured]


def read_faces() -> Faces:
    """Split the faces by people, and standardise all by those that train."""
    images, people = np.load(STAGES / "fetch/faces.npy"), people_apart(np.load(STAGES / "fetch/people.npy"))
    train_mask = split_people(people, HOLDOUT)
    scaling = measure_scaling(images, train_mask)
    X, chosen = scaling.standardize(images), ~train_mask
    mean, all_of_them = scaling.mean.astype(np.float32), np.ones(chosen.sum(), bool)
    data = Dataset(X[chosen], mean, float(scaling.scale), images.shape[1:], all_of_them)
    return Faces(X[train_mask], data, people[chosen])


def describe_jobs(faces: Faces, params: TrainParams) -> dict[tuple[str, int], Job]:
    """Describe all fits and trainings by label and seed."""
    longer = params.model_copy(update={"iterations": LONGER})
    jobs = {("longer", SEEDS[0]): refits(faces.training, longer, {"dense": DENSE})["dense"]}
    for method, fit in (("NMF", fit_nmf), ("dictionary learning", fit_dictionary)):
        for penalty in PENALTIES[method]:
            label = f"{method} {penalty:g}"
            jobs[label, SEEDS[0]] = Job(f"Fitting {label}", fit, (faces.training, faces.held_out, penalty))
    for seed in SEEDS:
        made = refits(
            faces.training, params.model_copy(update={"seed": seed}), {_name(one): MODELS[one] for one in MODELS}
        )
        jobs["NMF", seed] = Job(f"Fitting NMF, seed {seed}", fit_nmf, (faces.training, faces.held_out, 0.0, seed))
        jobs |= {(label, seed): made[_name(label)] for label in MODELS}
    return jobs


def _name(label: str) -> str:
    return label.replace(" ", "-")


def fit_nmf(X: Array, held_out: Dataset, penalty: float, seed: int | None = None) -> Arrays:
    """Fit NMF with an L1 penalty on its codes, as analyze does or, with a seed, from a random start."""
    pixels, judged = (np.maximum(held_out.to_pixels(of), 0).reshape(len(of), -1) for of in (X, held_out.X))
    start = {"init": "nndsvda", "random_state": 0} if seed is None else {"init": "random", "random_state": seed}
    nmf = NMF(400, max_iter=NMF_ITERATIONS, tol=0, alpha_W=penalty, alpha_H=0, l1_ratio=1, **start).fit(pixels)
    scale = np.float32(held_out.scale)
    return {"components": nmf.components_ / scale, "codes": nmf.transform(judged), "offset": -held_out.mean / scale}


def fit_dictionary(X: Array, held_out: Dataset, penalty: float) -> Arrays:
    """Learn a dictionary as analyze does, with another penalty."""
    how = {"batch_size": 256, "max_iter": 1, "transform_algorithm": "lasso_cd", "transform_max_iter": 100}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the numbers of iterations are chosen
        learner = MiniBatchDictionaryLearning(400, alpha=penalty, fit_algorithm="cd", random_state=0, **how).fit(X)
        codes = learner.transform(held_out.X).astype(np.float32)
    return {"components": learner.components_, "codes": codes, "offset": np.zeros(X.shape[1], np.float32)}


def keep_components(faces: Faces) -> Iterator[tuple[str, str, Factors]]:
    """Keep PCA's first, or each face's strongest components: (family, label, factors)."""
    components, mean = principal_components(faces.training, 400)
    for family, chosen in (("PCA first", False), ("PCA best", True)):
        code = orthogonal_code(components, mean, faces.training, faces.held_out.X, chosen=chosen)
        for k in COMPONENTS:
            used = slice(None if chosen else k)
            codes = np.where(code.rank < k, code.codes, np.float32(0))[:, used]
            yield family, f"{family} {k}", Factors(components[used], codes, mean)


def measure_one(family: str, label: str, seed: int, factors: Factors, faces: Faces) -> Measured:
    """Measure one method on the people held out, and its filters."""
    measured = measure(factors, faces.held_out)
    row = {"family": family, "label": label, "seed": seed} | summarize({label: measured}, faces.held_out)[0]
    row |= rounded_all({"reg": float(np.square(factors.components, dtype=np.float64).sum())})
    return Measured(row, measured.faces, factors.components)


def measure_model(family: str, label: str, seed: int, model: Model, faces: Faces) -> Measured:
    """Measure one model, also on the faces that train."""
    factors = Factors(model.filters, model.encode(faces.held_out.X), model.weights.a)
    one = measure_one(family, label, seed, factors, faces)
    Z = model.encode(faces.training)
    rec = np.square(model.decode(Z) - faces.training).sum(axis=1, dtype=np.float64).mean()
    more = {"silent_units": float((~Z.any(axis=0)).sum()), "rec of training": float(rec)}
    return one._replace(row=one.row | rounded_all(more))


def measure_all(faces: Faces, made: Mapping[tuple[str, int], Arrays]) -> Found:
    """Measure everything, by label and seed."""
    found = {(label, 0): measure_one(family, label, 0, of, faces) for family, label, of in keep_components(faces)}
    family_of = {model.label: family for family, models in FAMILIES.items() for model in models}
    family_of |= {f"{method} {penalty:g}": method for method in PENALTIES for penalty in PENALTIES[method]}
    for (label, seed), arrays in made.items():
        say(f"Measuring {label}, seed {seed}")
        place = (family_of.get(label, ""), label, seed)
        if "codes" in arrays:
            found[label, seed] = measure_one(*place, Factors(**arrays), faces)
        else:
            model = Model(Weights(**arrays), activation_of(MODELS.get(label, DENSE)))
            found[label, seed] = measure_model(*place, model, faces)
    return found


def judge_terms(found: Found, people: NDArray[np.int32]) -> list[dict[str, Any]]:
    """Judge what the exercise says of reg and ent, with each seed."""
    rows = []
    for claim, without, having, name, expected in TERMS:
        for seed in SEEDS:
            one, other = found[without.label, seed], found[having.label, seed]
            row = {"claim": claim, "without": without.label, "with": having.label, "measure": name, "seed": seed}
            row |= {"value without": one.row[name], "value with": other.row[name]}
            if name in one.faces:
                estimate = paired_difference(one.faces[name], other.faces[name], people, np.asarray)
                row |= rounded_all(estimate._asdict()) | {"verdict": verdict(estimate, expected)}
            else:  # all units are counted, and there is nothing to resample
                row |= {"verdict": "holds" if other.row[name] == 0 < one.row[name] else "does not hold"}
            rows.append(row)
    return rows


def errors_at(units: float, points: Sequence[tuple[float, NDArray[np.float64]]]) -> NDArray[np.float64] | None:
    """Interpolate each face's error at a number of active units, in its logarithm; None beyond the frontier's ends.

    Args:
        units: The number.
        points: Active units and errors, (N,), of models of which no other has fewer units and a smaller error.
    """
    at, errors = np.log([l0 for l0, _ in points]), np.array([error for _, error in points])
    if not at[0] <= np.log(units) <= at[-1]:
        return None
    after = max(int(np.searchsorted(at, np.log(units))), 1)
    share = (np.log(units) - at[after - 1]) / (at[after] - at[after - 1])
    return np.asarray((1 - share) * errors[after - 1] + share * errors[after])


def frontier(found: Found, families: Sequence[str], seed: int) -> list[tuple[float, NDArray[np.float64]]]:
    """Choose those of the families' models that no other beats with fewer active units."""
    models = [found[model.label, seed] for family in families for model in FAMILIES[family]]
    best: list[tuple[float, NDArray[np.float64]]] = []
    for model in sorted(models, key=lambda one: one.row["l0"]):
        if not best or model.faces["mse"].mean() < best[-1][1].mean():
            best.append((model.row["l0"], model.faces["mse"]))
    return best


def compare_ways(found: Found, people: NDArray[np.int32]) -> list[dict[str, Any]]:
    """Compare top-k with L1 at equal numbers of active units: PSNR of top-k minus that of L1, with each seed."""
    rows = []
    for units in EQUAL:
        for seed in SEEDS:
            l1, topk = (errors_at(units, frontier(found, of, seed)) for of in (("L1", "L1 without ent"), ("top-k",)))
            if l1 is not None and topk is not None:
                estimate = rounded_all(paired_difference(l1, topk, people, psnr)._asdict())
                values = rounded_all({"L1": float(psnr(l1.mean())), "top-k": float(psnr(topk.mean()))})
                rows.append({"units": units, "seed": seed} | values | estimate)
    return rows


def compare_seeds(found: Found) -> list[dict[str, Any]]:
    """Match the filters of each two seeds, and of the null."""
    rows = []
    for label in (DENSE.label, SPARSE.label, "top-k 40", "NMF"):
        for pair in combinations(SEEDS, 2):
            similarity, null = stability(*(found[label, seed].filters for seed in pair))
            rows.append({"label": label, "seeds": list(pair)} | rounded_all({"similarity": similarity, "null": null}))
    return rows


def main() -> None:
    """Train, measure, compare, write and draw."""
    faces = read_faces()
    jobs = describe_jobs(faces, load_params().train)
    made = run_jobs({f"{label} {seed}": job for (label, seed), job in jobs.items()})
    found = measure_all(faces, dict(zip(jobs, made.values(), strict=True)))
    study = {
        "models": [one.row for one in found.values()],
        "ablation": [model.label for model in ABLATION],
        "terms": judge_terms(found, faces.people),
        "equal": compare_ways(found, faces.people),
        "stability": compare_seeds(found),
    }
    write_json(study_page.RESULTS, study)
    study_page.renew(study)


if __name__ == "__main__":
    main()

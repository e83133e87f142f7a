"""What people would compare with, from scikit-learn, on the same faces: PCA, NMF and dictionary learning.

As many components as the autoencoders have units, if the faces allow it. Each fit is kept in the scratch
folder under what it depends on, so that it happens once for all values of lambda.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import NMF, PCA, MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from sparsefaces.analyze.parallel import Job
from sparsefaces.base.arrays import Array
from sparsefaces.base.cache import Arrays, fingerprint_code
from sparsefaces.standardize.dataset import Dataset

SEED = 0
NMF_ITERATIONS = 12
DICTIONARY_ALPHA = 2.0  # some 30 active atoms per face of LFW
BASELINES = ("PCA", "NMF", "dictionary learning")  # as they are shown
PACKAGES = ("numpy", "scipy", "scikit-learn")


class Factors(NamedTuple):
    """Faces as products: codes @ components + offset, in standardised units.

    Attributes:
        components: Filters, (h, d).
        codes: (N, h).
        offset: (d,).
    """

    components: Array
    codes: Array
    offset: Array


def baseline_fits(data: Dataset, hidden_units: int) -> dict[str, Job]:
    """Describe how to fit every baseline, by name of the method; each leaves the arrays of `Factors`.

    Args:
        data: The faces.
        hidden_units: Components wanted; PCA has at most min(N - 1, d).
    """
    fits = {"NMF": fit_nmf, "dictionary learning": fit_dictionary, "PCA": fit_pca}  # the longest first
    code = fingerprint_code("standardize", "analyze/baselines.py", packages=PACKAGES)
    label = f"on {len(data.X):,} faces"
    return {name: Job(f"Fitting {name} {label}", _fit, (fit, data, hidden_units, code)) for name, fit in fits.items()}


def _fit(fit: Callable[[Dataset, int], Factors], data: Dataset, hidden_units: int, code: str) -> Arrays:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the numbers of iterations are chosen
        factors = fit(data, hidden_units)
    return {part: np.asarray(array, np.float32) for part, array in factors._asdict().items()}


def fit_pca(data: Dataset, hidden_units: int) -> Factors:
    """Fit the first principal components, at most min(N - 1, d) of them."""
    X = np.asarray(data.X)
    components, mean = principal_components(X, hidden_units)
    return Factors(components, np.asarray((X - mean) @ components.T, np.float32), mean)


def principal_components(X: Array, count: int) -> tuple[Array, Array]:
    """Compute at most so many principal components, (h, d), of faces, (N, d), and their mean, (d,).

    Faces about their mean span N - 1 dimensions at most: a further component would be rounding's.
    """
    # Through the covariance: exact, without a random start, and fast while faces outnumber pixels.
    solver = "covariance_eigh" if len(X) > X.shape[1] else "full"
    pca = PCA(max(min(count, len(X) - 1, X.shape[1]), 1), svd_solver=solver).fit(X)
    return pca.components_.astype(np.float32), pca.mean_.astype(np.float32)


def fit_nmf(data: Dataset, hidden_units: int) -> Factors:
    """Fit nonnegative factors to the pixels, which are nonnegative, unlike standardised faces.

    By coordinate descent from NNDSVD, which starts without chance: on LFW it reached a PSNR of 26 dB in 41 s,
    MiniBatchNMF, by multiplicative updates, one of 17 dB in 37 s.
    """
    pixels = np.maximum(data.to_pixels(np.asarray(data.X)), 0).reshape(len(data.X), -1)
    init = "nndsvda" if hidden_units <= min(pixels.shape) else "random"
    nmf = NMF(hidden_units, init=init, solver="cd", max_iter=NMF_ITERATIONS, tol=0, random_state=SEED)
    codes = nmf.fit_transform(pixels)
    return Factors(nmf.components_ / np.float32(data.scale), codes, -data.mean / np.float32(data.scale))


def fit_dictionary(data: Dataset, hidden_units: int) -> Factors:
    """Learn a dictionary online (Mairal 2009), one pass over the faces; codes by the lasso."""
    X = np.asarray(data.X)
    learner = MiniBatchDictionaryLearning(
        hidden_units,
        alpha=DICTIONARY_ALPHA,
        batch_size=min(256, len(X)),
        max_iter=1,
        fit_algorithm="cd",
        transform_algorithm="lasso_cd",
        transform_max_iter=100,
        random_state=SEED,
    )
    codes = learner.fit(X).transform(X)
    return Factors(learner.components_, codes, np.zeros(X.shape[1], np.float32))

"""How well a model reconstructs, how sparse its codes are and how local its filters: pure functions on arrays."""

from sparsefaces.measures.code import (
    BITS_AN_ACTIVATION,
    code_bits,
    firing_frequency,
    gini,
    hoyer_sparsity,
    l0,
    near_zero,
    treves_rolls,
)
from sparsefaces.measures.filters import effective_area, heard, kurtosis, shuffle_pixels, spatial_spread, window_energy
from sparsefaces.measures.fit import explained_variance, finite, psnr, total_variance

__all__ = [
    "BITS_AN_ACTIVATION",
    "code_bits",
    "effective_area",
    "explained_variance",
    "finite",
    "firing_frequency",
    "gini",
    "heard",
    "hoyer_sparsity",
    "kurtosis",
    "l0",
    "near_zero",
    "psnr",
    "shuffle_pixels",
    "spatial_spread",
    "total_variance",
    "treves_rolls",
    "window_energy",
]

"""How well a model reconstructs, how sparse its codes are and how local its filters: pure functions on arrays."""

from sparsefaces.measures.code import (
    BITS_PER_ACTIVATION,
    code_bits,
    gini,
    hoyer_sparsity,
    l0,
    near_zero,
    sorted_activations,
    treves_rolls,
)
from sparsefaces.measures.filters import effective_area, is_nonzero, shuffle_pixels, spatial_spread, window_energy
from sparsefaces.measures.fit import explained_variance, psnr, rounded, total_variance

__all__ = [
    "BITS_PER_ACTIVATION",
    "code_bits",
    "effective_area",
    "explained_variance",
    "gini",
    "hoyer_sparsity",
    "is_nonzero",
    "l0",
    "near_zero",
    "psnr",
    "rounded",
    "shuffle_pixels",
    "sorted_activations",
    "spatial_spread",
    "total_variance",
    "treves_rolls",
    "window_energy",
]

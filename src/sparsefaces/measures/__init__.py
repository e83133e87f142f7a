"""What a training measures of its model: how well it reconstructs, how sparse its codes are, what its filters cover.

Pure functions on arrays. What the comparison alone measures is in `analyze/measures.py`, on which no training depends.
"""

from sparsefaces.measures.code import BITS_PER_ACTIVATION, code_bits, hoyer_sparsity
from sparsefaces.measures.filters import effective_area, is_nonzero, shares_of_energy
from sparsefaces.measures.fit import explained_variance, rounded, total_variance

__all__ = [
    "BITS_PER_ACTIVATION",
    "code_bits",
    "effective_area",
    "explained_variance",
    "hoyer_sparsity",
    "is_nonzero",
    "rounded",
    "shares_of_energy",
    "total_variance",
]

"""What a training measures of its model: how well it reconstructs, how sparse its codes are, what its filters cover.

Pure functions on arrays. What the comparison alone measures is in `analyze/measures.py`, on which no training depends.
"""

from sparsefaces.measures.code import BITS_PER_ACTIVATION as BITS_PER_ACTIVATION
from sparsefaces.measures.code import code_bits as code_bits
from sparsefaces.measures.code import hoyer_sparsity as hoyer_sparsity
from sparsefaces.measures.filters import effective_area as effective_area
from sparsefaces.measures.filters import is_nonzero as is_nonzero
from sparsefaces.measures.filters import shares_of_energy as shares_of_energy
from sparsefaces.measures.fit import explained_variance as explained_variance
from sparsefaces.measures.fit import rounded as rounded
from sparsefaces.measures.fit import total_variance as total_variance

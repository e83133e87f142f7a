"""How well a model reconstructs, how sparse its codes are, what its filters cover: pure functions on arrays."""

from sparsefaces.metrics.code import BITS_PER_ACTIVATION as BITS_PER_ACTIVATION
from sparsefaces.metrics.code import code_bits as code_bits
from sparsefaces.metrics.code import gini as gini
from sparsefaces.metrics.code import hoyer_sparsity as hoyer_sparsity
from sparsefaces.metrics.code import near_zero as near_zero
from sparsefaces.metrics.code import sorted_activations as sorted_activations
from sparsefaces.metrics.code import treves_rolls as treves_rolls
from sparsefaces.metrics.filters import WINDOW as WINDOW
from sparsefaces.metrics.filters import border_energy as border_energy
from sparsefaces.metrics.filters import effective_area as effective_area
from sparsefaces.metrics.filters import inside as inside
from sparsefaces.metrics.filters import is_nonzero as is_nonzero
from sparsefaces.metrics.filters import shuffle_pixels as shuffle_pixels
from sparsefaces.metrics.filters import spatial_spread as spatial_spread
from sparsefaces.metrics.filters import window_energy as window_energy
from sparsefaces.metrics.fit import explained_variance as explained_variance
from sparsefaces.metrics.fit import psnr as psnr
from sparsefaces.metrics.fit import rounded as rounded
from sparsefaces.metrics.fit import total_variance as total_variance
from sparsefaces.metrics.table import METRICS as METRICS

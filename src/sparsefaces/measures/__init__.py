"""How well a model reconstructs, how sparse its codes are, what its filters cover: pure functions on arrays."""

from sparsefaces.measures.code import BITS_PER_ACTIVATION as BITS_PER_ACTIVATION
from sparsefaces.measures.code import code_bits as code_bits
from sparsefaces.measures.code import sorted_activations as sorted_activations
from sparsefaces.measures.filters import WINDOW as WINDOW
from sparsefaces.measures.filters import effective_area as effective_area
from sparsefaces.measures.filters import is_nonzero as is_nonzero
from sparsefaces.measures.filters import shuffle_pixels as shuffle_pixels
from sparsefaces.measures.filters import spatial_spread as spatial_spread
from sparsefaces.measures.filters import window_energy as window_energy
from sparsefaces.measures.fit import explained_variance as explained_variance
from sparsefaces.measures.fit import psnr as psnr
from sparsefaces.measures.fit import rounded as rounded
from sparsefaces.measures.fit import total_variance as total_variance

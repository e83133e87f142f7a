"""The arrays that everything here works on."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

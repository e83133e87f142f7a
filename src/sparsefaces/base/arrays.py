"""The arrays that everything here works on, and how they are walked in parts."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def parts(count: int, size: int) -> Iterator[slice]:
    """Cut so many rows into parts of a size, in order; the last one may be smaller.

    >>> list(parts(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return (slice(start, min(start + size, count)) for start in range(0, count, size))

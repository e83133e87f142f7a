"""Small problems for the tests of the objective and of what computes it."""

import torch

from sparsefaces.training.weights import Weights


def problem(faces, d=5, h=4, seed=0, dtype=torch.float64):
    """Draw faces, (faces, d), and the weights of h units."""
    generator = torch.Generator().manual_seed(seed)
    sizes = ((faces, d), (d, h), (h, d), (h,), (d,))
    X, *weights = (torch.randn(size, generator=generator, dtype=dtype) for size in sizes)
    return X, Weights(*weights)

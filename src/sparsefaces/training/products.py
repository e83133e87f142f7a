"""The matrix products of a training, by the faster of two libraries that come with torch: its BLAS or oneDNN.

On x86 torch's BLAS is MKL, which takes its AVX2 kernels on AMD's processors, also on those that have AVX-512;
oneDNN takes AVX-512 wherever it is.
"""

import platform
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from sparsefaces.base.errors import UserError

AMD = ("AuthenticAMD", "HygonGenuine")


class Products(Protocol):
    """What a training multiplies, over tensors of float32 or float64.

    Each result is returned; it is `out`, written over, or a new tensor.
    """

    name: str

    def encode(self, X: Tensor, V: Tensor, b: Tensor, out: Tensor) -> Tensor:
        """Compute max(0, X V + b)."""

    def residual(self, Z: Tensor, W: Tensor, a: Tensor, X: Tensor, out: Tensor) -> Tensor:
        """Compute Z W + a - X."""

    def multiply(self, A: Tensor, B: Tensor, scale: float, out: Tensor) -> Tensor:
        """Compute scale A B."""


class Blas:
    """By torch.addmm, on any device, into the buffers."""

    name = "blas"

    def encode(self, X: Tensor, V: Tensor, b: Tensor, out: Tensor) -> Tensor:
        """Compute max(0, X V + b)."""
        return torch.addmm(b, X, V, out=out).relu_()

    def residual(self, Z: Tensor, W: Tensor, a: Tensor, X: Tensor, out: Tensor) -> Tensor:
        """Compute Z W + a - X."""
        return torch.sub(a, X, out=out).addmm_(Z, W)

    def multiply(self, A: Tensor, B: Tensor, scale: float, out: Tensor) -> Tensor:
        """Compute scale A B."""
        return torch.addmm(out, A, B, beta=0, alpha=scale, out=out)


class OneDnn(Blas):
    """By oneDNN, float32 on the CPU, into new tensors: bias, ReLU and difference are part of the product.

    The operator is what torch.compile makes of a linear layer. It takes B transposed, and transposed views too.
    A product of a single row is left to torch.addmm: oneDNN splits its sums among threads, and its bits with them.
    """

    name = "onednn"

    def encode(self, X: Tensor, V: Tensor, b: Tensor, out: Tensor) -> Tensor:
        """Compute max(0, X V + b)."""
        if len(X) == 1:
            return super().encode(X, V, b, out)
        code: Tensor = _linear(X, V.T, b, "relu", [], None)
        return code

    def residual(self, Z: Tensor, W: Tensor, a: Tensor, X: Tensor, out: Tensor) -> Tensor:
        """Compute Z W + a - X."""
        if len(Z) == 1:
            return super().residual(Z, W, a, X, out)
        residual: Tensor = _linear.binary(Z, X, W.T, a, "sub")
        return residual

    def multiply(self, A: Tensor, B: Tensor, scale: float, out: Tensor) -> Tensor:
        """Compute scale A B."""
        if len(A) == 1:
            return super().multiply(A, B, scale, out)
        if scale != 1:
            A = A * scale
        product: Tensor = _linear(A, B.T, None, "none", [], None)
        return product


_linear: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)  # undocumented: it may be gone one day
LIBRARIES: dict[str, Products] = {products.name: products for products in (Blas(), OneDnn())}


def choose_products(name: str, device: str) -> Products:
    """Choose the library that the name, of machine.products, stands for.

    `auto` depends on what the processor is, never on a timing: the same machine always gives the same bits.

    Raises:
        UserError: oneDNN is asked for, and cannot be had.
    """
    if name == "auto":
        name = "onednn" if device == "cpu" and _is_amd_with_avx512() and onednn_works() else "blas"
    elif name == "onednn" and not (device == "cpu" and onednn_works()):
        raise UserError(f"machine.products is onednn, which this torch lacks on {device}: set it to auto or blas")
    return LIBRARIES[name]


@cache
def onednn_works() -> bool:
    """Tell whether this torch has the operator, and it computes what torch.addmm does."""
    if _linear is None or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    generator = torch.Generator().manual_seed(0)
    A, B, C, a = (torch.randn(*size, generator=generator) for size in ((5, 7), (7, 9), (5, 9), (9,)))
    blas, onednn = LIBRARIES["blas"], LIBRARIES["onednn"]
    try:
        pairs = [
            (
                products.encode(A, B, a, C.clone()),
                products.residual(A, B, a, C, C.clone()),
                products.multiply(C.T, A, 0.5, torch.empty(9, 7)),
            )
            for products in (blas, onednn)
        ]
    except (RuntimeError, TypeError, AttributeError):  # another signature, or a processor without its kernels
        return False
    return all(torch.allclose(one, other, rtol=1e-5, atol=1e-5) for one, other in zip(*pairs, strict=True))


def _is_amd_with_avx512() -> bool:
    return "AVX512" in torch.backends.cpu.get_cpu_capability() and any(maker in _processor() for maker in AMD)


def _processor() -> str:
    """Describe the processor; Linux alone keeps it in a file."""
    with suppress(OSError):
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return platform.processor()

"""The matrix products of a training, by the faster of two libraries that come with torch: its BLAS or oneDNN.

On x86 torch's BLAS is MKL, which takes its AVX2 kernels on AMD's processors, also on those that have AVX-512;
oneDNN takes AVX-512 wherever it is.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from sparsefaces.base.errors import UserError

AMD = ("AuthenticAMD", "HygonGenuine")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread within the block."""
    threads = torch.get_num_threads()
    if threads > 1:  # to set even the same number again makes oneDNN forget what it has prepared
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if threads > 1:
            torch.set_num_threads(threads)


class Blas:
    """By torch.addmm, on any device, tensors of float32 or float64: each result is `out`, written over."""

    name = "blas"

    def encode(self, X: Tensor, V: Tensor, b: Tensor, out: Tensor) -> Tensor:
        """Compute max(0, X V + b)."""
        return torch.addmm(b, X, V, out=out).relu_()

    def residual(self, Z: Tensor, W: Tensor, a: Tensor, X: Tensor, out: Tensor) -> Tensor:
        """Compute Z W + a - X."""
        return torch.sub(a, X, out=out).addmm_(Z, W)

    def multiply(
        self, A: Tensor, B: Tensor, scale: float, out: Tensor, *, C: Tensor | None = None, share: float = 0.0
    ) -> Tensor:
        """Compute scale A B + share C."""
        return torch.addmm(out if C is None else C, A, B, beta=share, alpha=scale, out=out)


class OneDnn:
    """By oneDNN, float32 on the CPU: each result is a new tensor; bias, ReLU and difference are part of the product.

    The operator is what torch.compile makes of a linear layer. It takes B transposed, and transposed views too.
    It multiplies with one thread only: with several it counts on as many threads of OpenMP as were asked for, and
    where fewer come (OMP_THREAD_LIMIT, OMP_DYNAMIC) a part of the product is missing, without a word.
    """

    name = "onednn"

    @one_thread()
    def encode(self, X: Tensor, V: Tensor, b: Tensor, out: Tensor) -> Tensor:
        """Compute max(0, X V + b)."""
        code: Tensor = _linear(X, V.T, b, "relu", [], None)
        return code

    @one_thread()
    def residual(self, Z: Tensor, W: Tensor, a: Tensor, X: Tensor, out: Tensor) -> Tensor:
        """Compute Z W + a - X."""
        residual: Tensor = _linear.binary(Z, X, W.T, a, "sub")
        return residual

    @one_thread()
    def multiply(
        self, A: Tensor, B: Tensor, scale: float, out: Tensor, *, C: Tensor | None = None, share: float = 0.0
    ) -> Tensor:
        """Compute scale A B + share C."""
        product: Tensor = _linear(A if scale == 1 else A * scale, B.T, None, "none", [], None)
        return product if C is None or not share else product.add_(C, alpha=share)


Products = Blas | OneDnn


def threads_for(products: Products) -> AbstractContextManager[None]:
    """Let torch compute with one thread within the block, if the library is right with one alone."""
    return one_thread() if products.name == "onednn" else nullcontext()


_linear: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)  # undocumented: it may be gone one day
CHECKED = ((5, 7, 9), (100, 1036, 400))  # faces, pixels and units of a step: small and odd, and the exercise's
LIBRARIES: dict[str, Products] = {products.name: products for products in (Blas(), OneDnn())}


def choose_products(name: str, device: str, threads: int | Literal["auto"] = "auto") -> Products:
    """Choose the library that the name, of machine.products, stands for.

    `auto` depends on what the processor is, never on a timing: the same machine always gives the same bits.

    Args:
        name: machine.products.
        device: What the training runs on.
        threads: machine.threads.

    Raises:
        UserError: oneDNN is asked for, and cannot be had; or it is chosen, and is to multiply with several threads.
    """
    if name == "auto":
        name = "onednn" if device == "cpu" and _is_amd_with_avx512() and onednn_works() else "blas"
    elif name == "onednn" and not (device == "cpu" and onednn_works()):
        raise UserError(f"machine.products is onednn, which this torch lacks on {device}: set it to auto or blas")
    if name == "onednn" and threads not in ("auto", 1):
        raise UserError(
            f"machine.threads is {threads}, but oneDNN, which multiplies here, is right with one thread only: set "
            "machine.threads to auto or 1, or machine.products to blas"
        )
    return LIBRARIES[name]


@cache
def onednn_works() -> bool:
    """Tell whether this torch has the operator, and it computes what torch.addmm does, at the exercise's sizes too."""
    if _linear is None or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    try:
        return all(_agree(*sizes) for sizes in CHECKED)
    except (RuntimeError, TypeError, AttributeError):  # another signature, or a processor without its kernels
        return False


def _agree(m: int, d: int, h: int) -> bool:
    """Tell whether both libraries give the same products of a step on m faces of d pixels by h units."""
    generator = torch.Generator().manual_seed(0)
    sizes = ((m, d), (d, h), (h,), (h, d), (d,), (m, h), (m, d))
    X, V, b, W, a, Z, R = (torch.randn(size, generator=generator) for size in sizes)
    blas, onednn = (
        (
            products.encode(X, V, b, torch.empty(m, h)),
            products.residual(Z, W, a, X, torch.empty(m, d)),
            products.multiply(Z.T, R, 0.5, torch.empty(h, d), C=W, share=0.5),
            products.multiply(R, W.T, 0.5, torch.empty(m, h)),
            products.multiply(X.T, Z, 1.0, torch.empty(d, h)),
        )
        for products in LIBRARIES.values()
    )
    # Relative to the largest: each sums up to d products.
    return all(
        torch.allclose(one, other, rtol=0, atol=1e-4 * float(one.abs().max()))
        for one, other in zip(blas, onednn, strict=True)
    )


def _is_amd_with_avx512() -> bool:
    return "AVX512" in torch.backends.cpu.get_cpu_capability() and any(maker in _processor() for maker in AMD)


def _processor() -> str:
    """Describe the processor, as Linux does; on macOS none is AMD's with AVX-512."""
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.is_file() else ""

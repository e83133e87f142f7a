"""Two libraries compute the same products, and which one a machine takes depends on its processor alone."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from samples import needs_onednn

from sparsefaces.base.errors import UserError
from sparsefaces.training import products
from sparsefaces.training.products import LIBRARIES, choose_products, onednn_works

OPERATOR = products._linear


@pytest.fixture(autouse=True)
def no_memory():
    onednn_works.cache_clear()
    yield
    onednn_works.cache_clear()


def computed(name, m, d, h, *, seed=0, dtype=torch.float32):
    """The five products of a step, on transposed views as a step has them."""
    generator = torch.Generator().manual_seed(seed)
    sizes = ((m, d), (d, h), (h,), (h, d), (d,))
    X, V, b, W, a = (torch.randn(size, generator=generator).to(dtype) for size in sizes)
    library = LIBRARIES[name]
    Z = library.encode(X, V, b, X.new_empty(m, h))
    R = library.residual(Z, W, a, X, X.new_empty(m, d))
    G = library.multiply(R, W.T, 0.25, X.new_empty(m, h))
    to_W = library.multiply(Z.T, R, 0.25, X.new_empty(h, d), C=W, share=0.5)
    return Z, R, G, to_W, library.multiply(X.T, G, 1.0, X.new_empty(d, h))


@needs_onednn
@settings(max_examples=40)
@given(m=st.integers(1, 70), d=st.integers(1, 70), h=st.integers(1, 70), seed=st.integers(0, 999))
def test_products__of_each_library_are_those_of_float64_within_float32s_rounding(m, d, h, seed):
    exact = computed("blas", m, d, h, seed=seed, dtype=torch.float64)
    for name in LIBRARIES:
        for mine, right in zip(computed(name, m, d, h, seed=seed), exact, strict=True):
            assert mine.dtype == torch.float32
            assert mine.is_contiguous()
            # A chain of three products at most: each rounds by the largest entry's last digits.
            assert float((mine - right).abs().max()) <= 2e-5 * max(float(right.abs().max()), 1)


@needs_onednn
@pytest.mark.parametrize(
    ("capability", "processor", "chosen"),
    [
        ("AVX512", "vendor_id : AuthenticAMD", "onednn"),
        ("AVX512_VNNI", "AMD64 Family 26 Model 2 Stepping 1, AuthenticAMD", "onednn"),
        ("AVX512", "vendor_id : GenuineIntel", "blas"),
        ("AVX2", "vendor_id : AuthenticAMD", "blas"),
        ("DEFAULT", "arm", "blas"),
    ],
)
def test_choose_products__auto_asks_what_the_processor_is(monkeypatch, capability, processor, chosen):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(products, "_processor", lambda: processor)
    assert choose_products("auto", "cpu").name == chosen
    assert choose_products("auto", "cuda").name == "blas"
    for name in LIBRARIES:
        assert choose_products(name, "cpu").name == name


class Operator:
    """The operator, but for what a test replaces."""

    def __init__(self, call=None, binary=None):
        self._call, self.binary = call or OPERATOR, binary or OPERATOR.binary

    def __call__(self, *arguments):
        return self._call(*arguments)


def refuse(*_):
    raise RuntimeError("could not create a primitive descriptor")


def of_two(X, B):
    return X @ B.T


def wrong_in_large(X, B, *others):
    """A row of a large product is missing, as where fewer threads come than were asked for."""
    product = OPERATOR(X, B, *others)
    product[-1] *= len(X) < 100 or len(B) < 400
    return product


def wrong_of_many_pixels(X, B, *others):
    return OPERATOR(X, B, *others) * (1 if X.shape[1] < 1000 else 1.001)


def wrong_difference(Z, X, W, a, name):
    return OPERATOR.binary(Z, X, W, a, name) * (1 if len(Z) < 100 else 1.001)


BROKEN = {
    "gone": lambda: None,
    "refuses": lambda: Operator(call=refuse),
    "another signature": lambda: Operator(call=of_two),
    "no difference": lambda: torch.mm,
    "wrong": lambda: Operator(call=lambda X, B, *_: torch.zeros(len(X), len(B))),
    "wrong at the exercise's sizes": lambda: Operator(call=wrong_in_large),
    "wrong with as many pixels as the exercise has": lambda: Operator(call=wrong_of_many_pixels),
    "wrong difference at the exercise's sizes": lambda: Operator(binary=wrong_difference),
}


@needs_onednn
@pytest.mark.parametrize("how", BROKEN)
def test_choose_products__operator_that_is_gone_or_computes_otherwise_is_not_used(monkeypatch, how):
    monkeypatch.setattr(products, "_is_amd_with_avx512", lambda: True)
    monkeypatch.setattr(products, "_linear", BROKEN[how]())
    assert choose_products("auto", "cpu").name == "blas"
    with pytest.raises(UserError, match="machine.products is onednn, which this torch lacks on cpu: set it to auto"):
        choose_products("onednn", "cpu")


@needs_onednn
def test_choose_products__several_threads_are_refused_where_onednn_multiplies(monkeypatch):
    monkeypatch.setattr(products, "_is_amd_with_avx512", lambda: True)
    for name in ("auto", "onednn"):
        assert choose_products(name, "cpu", 1).name == choose_products(name, "cpu", "auto").name == "onednn"
        with pytest.raises(UserError, match=r"machine\.threads is 2, but oneDNN.*set .* or machine\.products to blas"):
            choose_products(name, "cpu", 2)
    assert choose_products("blas", "cpu", 2).name == "blas"


def test_choose_products__onednn_on_another_device_is_an_error():
    with pytest.raises(UserError, match="machine.products is onednn, which this torch lacks on cuda"):
        choose_products("onednn", "cuda")

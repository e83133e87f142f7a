"""Two libraries compute the same products, and which one a machine takes depends on its processor alone."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from samples import EACH_LIBRARY, needs_onednn

from sparsefaces.base.errors import UserError
from sparsefaces.training import products
from sparsefaces.training.loop import FEWEST_ROWS
from sparsefaces.training.products import LIBRARIES, choose_products, onednn_works


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
    return Z, R, G, library.multiply(Z.T, R, 0.25, X.new_empty(h, d)), library.multiply(X.T, G, 1.0, X.new_empty(d, h))


@needs_onednn
@settings(max_examples=60)
@given(m=st.integers(1, 70), d=st.integers(1, 70), h=st.integers(1, 70), seed=st.integers(0, 999))
def test_products__of_each_library_are_those_of_float64_within_float32s_rounding(m, d, h, seed):
    exact = computed("blas", m, d, h, seed=seed, dtype=torch.float64)
    for name in LIBRARIES:
        for mine, right in zip(computed(name, m, d, h, seed=seed), exact, strict=True):
            assert mine.dtype == torch.float32
            assert mine.is_contiguous()
            # A chain of three products at most: each rounds by the largest entry's last digits.
            assert float((mine - right).abs().max()) <= 2e-5 * max(float(right.abs().max()), 1)


@pytest.mark.parametrize("name", EACH_LIBRARY)
def test_products__of_not_too_few_rows_have_the_same_bits_with_any_number_of_threads(name):
    shapes = [(100, 1036, 400), (FEWEST_ROWS, 11750, FEWEST_ROWS)]
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append([computed(name, *shape) for shape in shapes])
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        for shape, same in zip(results[0], other, strict=True):
            assert all(torch.equal(one, two) for one, two in zip(shape, same, strict=True))


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


def gone(*_):
    raise RuntimeError("could not create a primitive descriptor")


def wrong(X, *_):
    return torch.zeros(len(X), 9)


@pytest.mark.parametrize("operator", [None, gone, wrong, torch.mm])
def test_choose_products__operator_that_is_gone_or_computes_otherwise_is_not_used(monkeypatch, operator):
    monkeypatch.setattr(products, "_is_amd_with_avx512", lambda: True)
    monkeypatch.setattr(products, "_linear", operator)
    assert choose_products("auto", "cpu").name == "blas"
    with pytest.raises(UserError, match="machine.products is onednn, which this torch lacks on cpu: set it to auto"):
        choose_products("onednn", "cpu")


def test_choose_products__onednn_on_another_device_is_an_error():
    with pytest.raises(UserError, match="machine.products is onednn, which this torch lacks on cuda"):
        choose_products("onednn", "cuda")

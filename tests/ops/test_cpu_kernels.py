"""The parts that the CPU's kernels are made of."""

import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from numba import njit

from zigma.ops.cpu import compile as cpu_compile
from zigma.ops.cpu import math as cpu_math
from zigma.ops.cpu import scan as cpu_scan
from zigma.ops.cpu import scan_kernels
from zigma.ops.cpu.simd import LANES, load, load_first, splat, spread, store, store_first, totals


def apply(function: Any, x: np.ndarray) -> np.ndarray:
    """A function of vectors on every value of x."""

    @njit
    def each(x: Any, y: Any) -> None:
        for i in range(0, len(x), LANES):
            store(y, i, function(load(x, i)))

    padded = np.zeros(-(-len(x) // LANES) * LANES, np.float32)
    padded[: len(x)] = x
    y = np.full_like(padded, np.nan)
    each(padded, y)
    return y[: len(x)]


@njit
def softplus(x: Any) -> Any:
    return cpu_math.softplus(x)[0]


@njit
def slope(x: Any) -> Any:
    return cpu_math.softplus(x)[1]


def exact_softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def exact_sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


@pytest.mark.parametrize(
    ("function", "exact", "lowest", "highest", "tolerance"),
    [
        (cpu_math.exp2, lambda x: 2.0**x, -125.9, 127.4, 3e-7),
        (cpu_math.exp, math.exp, -87.0, 88.0, 5e-7),
        (cpu_math.sigmoid, exact_sigmoid, -87.0, 87.0, 6e-7),
        (softplus, exact_softplus, -86.0, 1000.0, 6e-7),
        (slope, exact_sigmoid, -86.0, 1000.0, 6e-7),
    ],
)
def test_polynomials(function: Any, exact: Any, lowest: float, highest: float, tolerance: float) -> None:
    near_zero = np.concatenate([np.geomspace(1e-30, 1, 200), -np.geomspace(1e-30, 1, 200), [0.0]])
    x = np.concatenate([np.linspace(lowest, highest, 20_011), near_zero]).astype(np.float32)
    truth = np.array([exact(float(value)) for value in x])
    assert np.max(np.abs(apply(function, x) / truth - 1)) < tolerance


def test_what_lies_beyond_the_polynomials() -> None:
    x = np.array([-np.inf, -1e30, -200.0, 200.0, 1e30, np.inf, np.nan], np.float32)
    inf, nan = np.inf, np.nan
    for function, expected in (
        (cpu_math.exp2, [0, 0, 0, inf, inf, inf, nan]),
        (cpu_math.exp, [0, 0, 0, inf, inf, inf, nan]),
        (cpu_math.sigmoid, [0, 0, 0, 1, 1, 1, nan]),
        (softplus, [0, 0, 0, 200, 1e30, inf, nan]),
        (slope, [0, 0, 0, 1, 1, 1, nan]),
    ):
        np.testing.assert_allclose(apply(function, x), expected, rtol=1e-6, atol=1e-37)


def test_one_is_exact() -> None:
    """A decay of exactly 1 keeps a state for ever."""
    assert apply(cpu_math.exp2, np.zeros(LANES, np.float32)).tolist() == [1.0] * LANES


@pytest.mark.parametrize("lanes", range(1, LANES + 1))
def test_the_first_lanes_touch_nothing_else(lanes: int) -> None:
    @njit
    def double(x: Any, y: Any, lanes: int) -> None:
        store_first(y, 1, 2.0 * load_first(x, 1, lanes), lanes)

    x, y = np.arange(1 + lanes, dtype=np.float32), np.full(LANES + 2, np.nan, np.float32)
    double(x, y, lanes)
    assert y[1 : 1 + lanes].tolist() == (2 * x[1:]).tolist()
    assert np.isnan(y[0])
    assert np.isnan(y[1 + lanes :]).all()


def test_arithmetic_with_numbers_and_sums() -> None:
    @njit
    def run(x: Any, y: Any) -> None:
        store(y, 0, -(3 - load(x, 0)) / 2.0 + spread(x, 2) * splat(4))
        store(y, LANES, totals(x, 0))

    x = np.random.default_rng(0).normal(size=LANES * LANES).astype(np.float32)
    y = np.empty(2 * LANES, np.float32)
    run(x, y)
    np.testing.assert_allclose(y[:LANES], (x[:LANES] - 3) / 2 + 4 * x[2], rtol=1e-5)
    np.testing.assert_allclose(y[LANES:], x.reshape(LANES, LANES).sum(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "narrow", "sequences"),
    [
        ((16, 256, 128, 16), False, 1),
        ((64, 1024, 1, 16), True, 1),  # 15 of 16 lanes would be idle
        ((64, 1024, 4, 16), True, 1),
        ((64, 1024, 4, 1), False, 1),  # and here too, either way
        ((64, 256, 17, 16), False, 1),
        ((4096, 1, 128, 16), False, 16),  # a chunk has 16 steps
        ((4096, 5, 128, 16), False, 3),
        ((4, 1, 128, 16), False, 1),  # tasks for as many threads are worth more
    ],
)
def test_few_channels_and_few_steps_do_not_leave_lanes_and_chunks_idle(
    shape: tuple[int, int, int, int], narrow: bool, sequences: int
) -> None:
    batch, length, width, states = shape
    layout = cpu_scan._layout(torch.empty(batch, length, width), torch.empty(width, states))
    assert (layout.narrow, layout.group) == (narrow, sequences)
    assert layout.groups * layout.group >= batch
    assert layout.blocks * layout.block >= width


def test_a_change_of_the_parts_is_another_entry_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = scan_kernels.scan_forward._cache
    codegen = scan_kernels.scan_forward.targetctx.codegen()
    before = cache._index_key("signature", codegen)
    assert cpu_compile.parts_digest() in before
    monkeypatch.setattr(type(cache), "_digest", "other")
    assert cache._index_key("signature", codegen) != before


# Which vectors a processor has decides how LLVM splits ours.
PROCESSORS = {"AVX2": ("haswell", "+avx2,+fma"), "no more than SSE2": ("x86-64", "")}


@pytest.mark.slow
@pytest.mark.parametrize("processor", PROCESSORS)
def test_other_processors(processor: str) -> None:
    name, features = PROCESSORS[processor]
    test_names = (
        "test_scan or test_convolution or test_very_small or test_polynomials or test_what_lies or lanes"
    )
    environment = os.environ | {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    folder = os.path.dirname(__file__)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-k", test_names, folder], env=environment, check=True
    )


def test_without_numbas_compiler_another_backend_is_taken_and_the_reason_is_said() -> None:
    code = "from zigma.ops import available_backends, resolve_backend\n"
    code += "print(resolve_backend(None, 'cpu'), available_backends()['cpu'])"
    asked = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "torch the variable NUMBA_DISABLE_JIT turns off numba's compiler\n"
    assert "not cpu: the variable NUMBA_DISABLE_JIT turns off" in asked.stderr

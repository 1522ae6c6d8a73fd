import time

import pytest
import torch
from torch import nn

from zigma.profiling import measure_model
from zigma.profiling.speed import peak_memory_mib, summarize, time_calls

CPU = torch.device("cpu")


def test_summary_is_median_and_quartiles() -> None:
    timing = summarize([5.0, 1.0, 2.0, 4.0, 3.0])
    assert (timing.lower_ms, timing.median_ms, timing.upper_ms, timing.repeats) == (2.0, 3.0, 4.0, 5)


def test_calls_take_turns_and_warm_up_is_not_timed() -> None:
    seen: list[str] = []

    def slow_at_first() -> None:
        if len(seen) < 2:
            time.sleep(0.2)
        seen.append("a")

    timings = time_calls({"a": slow_at_first, "b": lambda: seen.append("b")}, CPU, repeats=3, warm_up=1)
    assert seen == ["a", "b"] * 4
    assert timings["a"].upper_ms < 100


def test_no_repeats_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        time_calls({}, CPU, repeats=0)


def test_peak_memory_is_that_of_the_tensors_at_once() -> None:
    mib = 2**18  # float32

    def call() -> None:
        a = torch.ones(5 * mib)
        b = a + 1
        del a
        b.mul_(2)
        del b
        torch.ones(7 * mib)

    assert peak_memory_mib(call, CPU) == pytest.approx(10, abs=0.01)
    assert peak_memory_mib(lambda: None, CPU) == 0


def test_peak_memory_does_not_count_what_is_held_before_or_freed_earlier() -> None:
    held = [torch.ones(2**20)]
    torch.ones(2**22)

    def call() -> None:
        held.append(held[0] + 1)
        held.clear()

    assert peak_memory_mib(call, CPU) == pytest.approx(4, abs=0.01)


def test_peak_memory_sees_the_kernels_results() -> None:
    from zigma.ops import causal_conv1d

    x, weight = torch.randn(2, 256, 512), torch.randn(512, 4)
    used = peak_memory_mib(lambda: causal_conv1d(x, weight), CPU)
    assert 1 <= used < 3


def test_model_speed_counts_images_and_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    speed = measure_model(model, torch.randn(6, 4), repeats=3)
    assert speed.images_per_s == pytest.approx(6e3 / speed.timing.median_ms)
    assert model.training


def test_model_speed_leaves_a_frozen_module_frozen() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4).eval())
    measure_model(model, torch.randn(3, 4), repeats=1)
    assert [module.training for module in model.modules()] == [True, True, False]


@pytest.mark.parametrize("inputs", [(), (3,), (torch.tensor(1.0),)])
def test_model_speed_needs_images_to_count(inputs: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"a tensor \(images, ...\)"):
        measure_model(nn.Identity(), *inputs)

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


def test_peak_memory_sees_what_is_freed_again() -> None:
    def use_64_mib() -> None:
        torch.ones(16 * 2**20)

    assert 48 <= peak_memory_mib(use_64_mib, CPU) <= 128
    assert peak_memory_mib(lambda: None, CPU) < 16


def test_peak_memory_does_not_hide_in_what_an_earlier_call_freed() -> None:
    def use_small_pieces() -> None:
        assert (
            len([torch.ones(2**16) for _ in range(256)]) == 256
        )  # 64 MiB, below malloc's threshold for mmap

    first, second = (peak_memory_mib(use_small_pieces, CPU) for _ in range(2))
    assert second >= 48
    assert first >= 48


def test_model_speed_counts_images_and_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    speed = measure_model(model, torch.randn(6, 4), repeats=3)
    assert speed.images_per_s == pytest.approx(6e3 / speed.timing.median_ms)
    assert model.training

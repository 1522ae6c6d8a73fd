"""What every test of a kernel runs under."""

from collections.abc import Iterator

import pytest
import torch

from zigma.ops.cpu import run as cpu_run


@pytest.fixture(autouse=True)
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Memory that a kernel forgets to write holds NaN."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little there is to compute, threads share it."""
    monkeypatch.setattr(cpu_run, "GRAIN", 1)

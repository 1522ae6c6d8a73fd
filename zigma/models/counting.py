"""How many numbers a network, or a part of one, learns."""

from __future__ import annotations

from collections.abc import Callable

import torch


def count_parameters(module: torch.nn.Module) -> int:
    """Every parameter once, wherever it is shared."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_unmade(make: Callable[[], torch.nn.Module]) -> int:
    """Of a module that is made for this alone, without memory for its parameters."""
    with torch.device("meta"):
        return count_parameters(make())

"""How many numbers a network, or a part of one, learns."""

from __future__ import annotations

import torch


def count_parameters(module: torch.nn.Module) -> int:
    """Every parameter once, wherever it is shared."""
    return sum(parameter.numel() for parameter in module.parameters())

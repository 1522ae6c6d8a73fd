"""Networks small enough for every test."""

from typing import Any

import torch

from zigma.models import ZigMa
from zigma.models.specs import MambaSpec


def network(**fields: Any) -> ZigMa:
    """A ZigMa whose gates are open: at the start they are zero and hide the mixer."""
    torch.manual_seed(0)
    model = ZigMa(**({"in_channels": 2, "hidden": 16, "depth": 3, "mixer": MambaSpec(state=4)} | fields))
    for block in model.blocks:
        torch.nn.init.normal_(block.adaLN_modulation[1].weight, std=0.3)
        torch.nn.init.normal_(block.adaLN_modulation[1].bias, std=0.3)
    return model.eval()

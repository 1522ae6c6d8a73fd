"""Every network that a table or figure of the paper compares.

Shapes: B batch, C channels, T frames, H and W height and width, L tokens, D hidden width, N state width, M caption
tokens. Names are loaded on first use, so that `zigma.models.config` costs no torch.
"""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.models.build import build_model as build_model
    from zigma.models.dit import DiT as DiT
    from zigma.models.mixers import GatedLinearAttention as GatedLinearAttention
    from zigma.models.mixers import Mamba as Mamba
    from zigma.models.released import load_released_checkpoint as load_released_checkpoint
    from zigma.models.sizes import model_sizes as model_sizes
    from zigma.models.uvit import UViT as UViT
    from zigma.models.zigma import Block as Block
    from zigma.models.zigma import ZigMa as ZigMa

_HOME = {
    "Block": "zigma",
    "DiT": "dit",
    "GatedLinearAttention": "mixers",
    "Mamba": "mixers",
    "UViT": "uvit",
    "ZigMa": "zigma",
    "build_model": "build",
    "load_released_checkpoint": "released",
    "model_sizes": "sizes",
}
__all__ = list(_HOME)

__getattr__ = lazy(__name__, _HOME)

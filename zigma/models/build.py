"""From a configuration to a network with fresh weights."""

from torch import nn

from zigma.models.config import DiTConfig, ModelConfig, UViTConfig, ZigMaConfig
from zigma.models.dit import DiT
from zigma.models.uvit import UViT
from zigma.models.zigma import ZigMa


def build_model(config: ModelConfig) -> nn.Module:
    """The network that a configuration describes, initialised from torch's global generator."""
    match config:
        case ZigMaConfig():
            return ZigMa(config)
        case DiTConfig():
            return DiT(config)
        case UViTConfig():
            return UViT(config)
    raise ValueError(f"a network is described by one of zigma.models.config, not {config!r}")

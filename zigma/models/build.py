"""From a configuration to a network with fresh weights."""

from torch import nn

from zigma.models.config import ModelConfig, ZigMaConfig
from zigma.models.zigma import ZigMa

_NETWORKS = {ZigMaConfig: ZigMa}


def build_model(config: ModelConfig) -> nn.Module:
    """The network that a configuration describes, initialised from torch's global generator."""
    return _NETWORKS[type(config)](config)

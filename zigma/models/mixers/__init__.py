"""Sequence models that let tokens talk to each other, each along any plan: one file each."""

from collections.abc import Callable

from zigma.models.mixers.base import Mixer
from zigma.models.mixers.gated_delta_net import GatedDeltaNet
from zigma.models.mixers.gated_linear_attention import GatedLinearAttention
from zigma.models.mixers.hgrn2 import HGRN2
from zigma.models.mixers.mamba import Mamba
from zigma.models.mixers.mamba2 import Mamba2
from zigma.models.mixers.mlstm import MLSTM
from zigma.models.mixers.own import own_mixer
from zigma.models.mixers.rwkv6 import RWKV6
from zigma.models.specs import (
    GatedDeltaNetSpec,
    GatedLinearAttentionSpec,
    HGRN2Spec,
    Mamba2Spec,
    MambaSpec,
    MixerSpec,
    MLSTMSpec,
    OwnMixerSpec,
    RWKV6Spec,
)
from zigma.scans import Layer

MIXERS: dict[type, Callable[..., Mixer]] = {
    MambaSpec: Mamba,
    GatedLinearAttentionSpec: GatedLinearAttention,
    Mamba2Spec: Mamba2,
    GatedDeltaNetSpec: GatedDeltaNet,
    HGRN2Spec: HGRN2,
    MLSTMSpec: MLSTM,
    RWKV6Spec: RWKV6,
    OwnMixerSpec: own_mixer,
}


def build_mixer(hidden: int, scan: Layer, spec: MixerSpec, *, depth: int = 1, prefix: int = 0) -> Mixer:
    """The mixer of a spec, (B, L, hidden) -> (B, L, hidden); arguments as `zigma.models.mixers.base.Mixer`."""
    return MIXERS[type(spec)](hidden, scan, spec, depth=depth, prefix=prefix)

"""Mixers of a person's own file or of an installed package, held to what those of this package keep."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from zigma.common.plugged import MIXERS, named, short
from zigma.models.counting import count_parameters
from zigma.models.mixers.base import Mixer
from zigma.models.specs import OwnMixerSpec
from zigma.scans import Layer


def own_mixer(hidden: int, scan: Layer, spec: OwnMixerSpec, *, depth: int = 1, prefix: int = 0) -> Mixer:
    """The mixer that a spec names.

    Raises:
        ValueError: in one line, where the file or name is missing, or what it makes is no mixer.
    """
    name, make = short(spec.source), MIXERS.load(spec.source)
    try:
        mixer = make(hidden, scan, depth=depth, prefix=prefix, **dict(spec.options))
    except Exception as error:  # it may be anybody's
        raise ValueError(
            f"mixer {name} cannot be made for hidden {hidden} and {scan.grid} tokens: {named(error)}"
        ) from error
    if not isinstance(mixer, Mixer):
        raise ValueError(
            f"mixer {name} makes a {type(mixer).__name__}: it must make a zigma.models.mixers.base.Mixer, whose "
            "forward takes (x, arranged)"
        )
    if not _takes(mixer.forward, 2):
        raise ValueError(f"mixer {name}: its forward takes (x, arranged)")
    if mixer.states and (type(mixer).carry is Mixer.carry or not _takes(mixer.carry, 3)):
        raise ValueError(f"mixer {name} hands states on: it must have carry(x, arranged, states)")
    mixer.register_forward_hook(_Same(name))
    return mixer


def _takes(method: Callable[..., Any], arguments: int) -> bool:
    try:
        inspect.signature(method).bind(*range(arguments))
    except TypeError:
        return False
    return True


def own_parameters(hidden: int, scan: Layer, spec: OwnMixerSpec, depth: int, prefix: int) -> int:
    """How many numbers such a mixer learns, counted without allocating them."""
    with torch.device("meta"):
        mixer = own_mixer(hidden, scan, spec, depth=depth, prefix=prefix)
    return count_parameters(mixer)


class _Same:
    """Refuses results of another shape or type than the tokens."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, _mixer: nn.Module, tokens: tuple[Any, ...], result: Any) -> None:
        shape = tuple(tokens[0].shape)
        if not isinstance(result, Tensor) or tuple(result.shape) != shape or not result.is_floating_point():
            given = (
                f"{result.dtype} {tuple(result.shape)}"
                if isinstance(result, Tensor)
                else type(result).__name__
            )
            raise ValueError(
                f"mixer {self.name} takes tokens {shape} and must return as many numbers, not {given}"
            )

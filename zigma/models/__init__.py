"""Every network that a table or figure of the paper compares.

Shapes: B batch, C channels, T frames, H and W height and width, L tokens, D hidden width, N state width.
Names are loaded on first use, so that `zigma.models.config` costs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zigma.models.build import build_model as build_model
    from zigma.models.zigma import ZigMa as ZigMa

_HOME = {"ZigMa": "zigma", "build_model": "build"}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

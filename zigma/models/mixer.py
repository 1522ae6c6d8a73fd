"""What every mixer has: paths along which it reads the tokens, one or several in parallel; and numbers kept wide."""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from zigma.ops import rms_norm
from zigma.scans import Layer, ScanOrder


class Path(nn.Module):
    """`order[i]`: the place, among the tokens as they are stored, of the one visited at step i; int64 (L,).

    A prefix of caption tokens, where it stands before the image's, is read first and in its own order.
    An order that cannot be made again from its name alone travels with the weights.
    """

    order: Tensor

    def __init__(self, scan: ScanOrder, prefix: int = 0) -> None:
        super().__init__()
        if prefix and scan.segments > 1:
            raise ValueError(
                f"caption tokens cannot stand before the {scan.segments} segments of {scan.name!r}"
            )
        order = np.concatenate([np.arange(prefix), prefix + scan.order])
        self.register_buffer("order", torch.tensor(order), persistent=scan.kept)
        self.segments = scan.segments
        self.row_major = bool((order == np.arange(len(order))).all())

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self.row_major = bool((self.order == torch.arange(len(self.order), device=self.order.device)).all())

    def open(self, x: Tensor) -> Tensor:
        """Tokens (B, L, D), in the order of the path, as its independent sequences (B * segments, L / segments, D)."""
        return x if self.segments == 1 else x.unflatten(1, (self.segments, -1)).flatten(0, 1)

    def close(self, x: Tensor) -> Tensor:
        """Undo `open`."""
        return x if self.segments == 1 else x.unflatten(0, (-1, self.segments)).flatten(1, 2)

    def arrange(self, x: Tensor) -> Tensor:
        """Tokens (B, L, D) as they are stored into the order of the path (Eq. 17)."""
        return x if self.row_major else x.index_select(1, self.order)

    def put_back(self, x: Tensor) -> Tensor:
        """Undo `arrange` (Eq. 19)."""
        return x if self.row_major else x.index_select(1, inverse(self.order))


class Mixer(nn.Module):
    """What lets tokens talk to each other: (B, L, D) -> (B, L, D). Another sequence model can take Mamba's place:

        class MyMixer(Mixer):
            def __init__(self, hidden: int, scan: Layer, spec: MySpec, *, depth: int = 1, prefix: int = 0) -> None
            def forward(self, x: Tensor, arranged: bool = False) -> Tensor

    `scan` is a layer of `zigma.scans.scan_plan`, `depth` that of the network, `prefix` the number of caption tokens
    that stand before the image's. `arranged` says that tokens come, and are to leave, in `order` instead of
    row-major.
    """

    def __init__(self, scan: Layer, prefix: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(Path(each, prefix) for each in scan.scans)

    @property
    def order(self) -> Tensor | None:
        """The one order along which tokens may already stand when they come; None for several."""
        first, *others = self.paths
        return None if others else cast(Path, first).order


def wide(x: Tensor) -> Tensor:
    """At least float32, whatever the precision around: for states, norms and the stream of residuals."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class RMSNorm(nn.Module):
    """Root-mean-square norm in float32, so that a large stream does not overflow; the result in the weights' dtype."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, ..., D); the same shape."""
        n, _ = rms_norm(wide(x).flatten(1, -2), wide(self.weight))
        return n.view(x.shape).to(self.weight.dtype)

    def modulated(self, x: Tensor, shift: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """The norm n of x (B, L, D), and n (1 + scale) + shift for shift and scale (B, D)."""
        n, m = rms_norm(wide(x), wide(self.weight), shift, scale)
        assert m is not None
        return n.to(self.weight.dtype), m.to(self.weight.dtype)


def inverse(order: Tensor) -> Tensor:
    """The rank of each token, int64 (L,)."""
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))


def rearrange(x: Tensor, here: Tensor | None, there: Tensor | None) -> Tensor:
    """Bring tokens from one order straight into another (Eq. 14); None is row-major."""
    if here is None:
        return x if there is None else x.index_select(1, there)
    back = inverse(here)
    return x.index_select(1, back if there is None else back[there])

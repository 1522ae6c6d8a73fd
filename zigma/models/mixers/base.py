"""What every mixer has: the grid, the paths along which it reads the tokens, and how several of them are mixed."""

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from zigma.scans import Layer, ParallelScan, ScanOrder, shares


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

    def sequences(self, x: Tensor, arranged: bool) -> Tensor:
        """Stored tokens (B, L, D), or tokens that are `arranged` already, as the sequences that the path reads."""
        return self.open(x if arranged else self.arrange(x))

    def tokens(self, x: Tensor, arranged: bool) -> Tensor:
        """Undo `sequences`."""
        x = self.close(x)
        return x if arranged else self.put_back(x)


class Mixer(nn.Module):
    """What lets tokens talk to each other: (B, L, D) -> (B, L, D). Another sequence model can take Mamba's place:

        class MyMixer(Mixer):
            def __init__(self, hidden: int, scan: Layer, spec: MySpec, *, depth: int = 1, prefix: int = 0) -> None
            def forward(self, x: Tensor, arranged: bool = False) -> Tensor

    `scan` is a layer of `zigma.scans.scan_plan`, `depth` that of the network, `prefix` the number of caption tokens
    that stand before the image's. `arranged` says that tokens come, and are to leave, in `order` instead of
    row-major.

    What reads one path, with parameters of its own, is a *direction*: a module in `self.directions` that is called
    with streams of tokens, the path and `arranged`. A recurrence over the grid itself needs no path: it finds the
    tokens' `grid`, (H, W) or (T, H, W), and returns None as its `order`.

    A mixer whose states the layer after it begins with says how many `states` it hands on, and has `carry`.
    """

    directions: nn.ModuleList
    states = 0  # none

    def __init__(self, scan: Layer, prefix: int) -> None:
        super().__init__()
        if not isinstance(scan, ScanOrder | ParallelScan):
            raise ValueError(f"scan is one layer of zigma.scans.scan_plan(plan, grid, depth), not {scan!r}")
        self.grid, self.prefix = scan.grid, prefix
        self.mixing = scan.mixing if isinstance(scan, ParallelScan) else "parallel"
        self.paths = nn.ModuleList(Path(each, prefix) for each in scan.scans)

    @property
    def order(self) -> Tensor | None:
        """The one order along which tokens may already stand when they come; None for several."""
        first, *others = self.paths
        return None if others else cast(Path, first).order

    def follow(self, states: int) -> None:
        """Prepare for the states that the layer before hands on; before the first forward pass."""

    def carry(self, x: Tensor, arranged: bool, states: Tensor | None) -> tuple[Tensor, Tensor]:
        """As `forward`, from the states that the layer before ended in (None: from zero), with those to hand on."""
        raise NotImplementedError(f"{type(self).__name__} hands no state on")

    def widths(self, units: int, what: str) -> list[int]:
        """How many of `units` (channels, heads) each direction works on: all, or its share of them.

        Raises ValueError where a path would have none.
        """
        return shares(units, len(self.paths), self.mixing, what)

    def along_paths(
        self, streams: Sequence[Tensor], arranged: bool, units: int, whole: tuple[Tensor, ...] = ()
    ) -> Tensor:
        """What the directions make of streams (B, L, W), each along its path, (B, L, W') together.

        With groups of channels each direction gets its share of each stream, whose width is that of so many `units`,
        and the results stand side by side; else all of them, and the results are added. `whole` goes to every one.
        """
        paths = cast(Sequence[Path], self.paths)
        groups = self.streams_of_paths(streams, units)
        return self.joined(
            direction(*whole, *group, path, arranged)
            for direction, path, group in zip(cycle(self.directions), paths, groups, strict=False)
        )

    def streams_of_paths(self, streams: Sequence[Tensor], units: int) -> list[tuple[Tensor, ...]]:
        """For each path all streams, or its groups of their channels."""
        if self.mixing != "channels" or not streams:
            return [tuple(streams)] * len(self.paths)
        widths = self.widths(units, "units")
        split = [
            stream.split([w * (stream.shape[-1] // units) for w in widths], dim=-1) for stream in streams
        ]
        return list(zip(*split, strict=True))

    def joined(self, results: Iterable[Tensor]) -> Tensor:
        """The results of all paths, added or side by side."""
        if self.mixing == "channels":
            return torch.cat(list(results), dim=-1)
        first, *others = results
        return sum(others, start=first)


def inverse(order: Tensor) -> Tensor:
    """The rank of each token, int64 (L,)."""
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))


def rearrange(x: Tensor, current: Tensor | None, next_order: Tensor | None) -> Tensor:
    """Bring tokens from one order straight into another (Eq. 14); None is row-major."""
    if current is None:
        return x if next_order is None else x.index_select(1, next_order)
    back = inverse(current)
    return x.index_select(1, back if next_order is None else back[next_order])

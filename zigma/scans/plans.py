"""Plans: which order each layer of a network scans.

sweep-1  zigzag-8  random-4          layer i takes variant i % k of the curve (k: the order receptive field)
hilbert                              the same as hilbert-1
bidirectional                        sweep and its reverse in each layer (VisionMamba; the released `sweep2`)
parallel-4, parallel-hilbert-4       the first k variants of the zigzag, or of a curve, in each layer
video-sst                            factorised: s layers scan each frame, the zigzags in turn, t layers scan
                                     time at each place, forwards and backwards in turn
video-zigzag3d-8                     the same as zigzag-8 on a grid of frames
zigzag-4+hilbert-4                   a mixture: the layers of the parts in turn
windowed-8:window=4,inner=hilbert    options of the curve
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Literal

import numpy as np

from zigma.scans.order import Grid, Layer, ParallelScan, ScanOrder, as_grid
from zigma.scans.registry import Curve, find_curve, make_scan, scan_names, unknown

PLAN_FORMS = ("NAME-k", "bidirectional", "parallel-k", "parallel-NAME-k", "video-[st...]", "video-NAME3d-k")


@dataclass(frozen=True)
class _Layer:
    """What one layer scans; equal ones are built once."""

    name: str
    variants: tuple[int, ...]
    options: tuple[tuple[str, Any], ...] = ()
    kind: Literal["plain", "parallel", "space", "time"] = "plain"

    def build(self, grid: Grid) -> Layer:
        options = dict(self.options)
        if self.kind == "space":
            return _space_layer(make_scan(self.name, grid[1:], self.variants[0], **options), grid)
        if self.kind == "time":
            return _time_layer(self.variants[0], grid)
        scans = tuple(make_scan(self.name, grid, variant, **options) for variant in self.variants)
        return ParallelScan(scans) if self.kind == "parallel" else scans[0]


def scan_plan(plan: str, grid: Iterable[int], depth: int, **options: Any) -> list[Layer]:
    """One ScanOrder per layer, or one ParallelScan where a layer scans in several directions.

    `grid` is that of the tokens, (H, W) or (T, H, W). Keyword options go to each part of the plan that has
    them (`scan_plan("random-4", (16, 16), 24, seed=3)`); those written in the plan itself come first. The
    forms of a plan are listed at the top of this module. Layers of the same order share one object.

    Raises ValueError with the known names for an unknown plan, and where plan and grid do not fit.
    """
    sides = as_grid(grid)
    if not isinstance(depth, (int, np.integer)) or depth < 1:
        raise ValueError(f"depth is a number of layers of at least 1, not {depth!r}")
    used: set[str] = set()
    period = [layer for part in plan.split("+") for layer in _part(part, sides, options, used)]
    if unused := options.keys() - used:
        raise ValueError(f"no part of plan {plan!r} has the option {', '.join(sorted(unused))}")
    layers = list(islice(cycle(period), depth))
    built = {layer: layer.build(sides) for layer in dict.fromkeys(layers)}
    return [built[layer] for layer in layers]


def _part(part: str, grid: Grid, shared: Mapping[str, Any], used: set[str]) -> list[_Layer]:
    """One period of the layers of a part of a plan, with the options of its suffix and those shared."""
    plan, own = _split_options(part)
    name, count, kind = _read(plan, grid)
    if kind == "video":
        own_space = own.pop("space", None) or shared.get("space", "zigzag")
        used.add("space")
        curve = find_curve(str(own_space))
        options = _options(curve, own, shared, used)
        return _video(name, curve, options)
    curve = find_curve(name)
    options = _options(curve, own, shared, used)
    if not 1 <= count <= curve.variants:
        raise ValueError(
            f"plan {part!r} asks for {count} orders of {name!r}, which has 1..{curve.variants:g}"
        )
    if kind == "bidirectional":
        return [_Layer(name, (0, 6), options, "parallel")]  # variant 6 of the sweep is variant 0 reversed
    if kind == "parallel":
        return [_Layer(name, tuple(range(count)), options, "parallel")]
    return [_Layer(name, (variant,), options) for variant in range(count)]


def _read(plan: str, grid: Grid) -> tuple[str, int, str]:
    """The curve's name, its number of orders, and the kind: plain, parallel, bidirectional or video."""
    if plan == "bidirectional":
        return "sweep", 2, "bidirectional"
    if plan.startswith("video-"):
        if len(grid) != 3:
            raise ValueError(f"plan {plan!r} scans frames: it needs a grid (T, H, W), not {grid}")
        letters = plan.removeprefix("video-")
        if re.fullmatch("[st]+", letters):
            return letters, 1, "video"
        if match := re.fullmatch(r"(.+)3d(-\d+)?", letters):
            return *_curve_and_count(match[1] + (match[2] or "")), "plain"
        raise ValueError(unknown("plan", plan, ["video-sst", "video-zigzag3d-8", *PLAN_FORMS]))
    if plan.startswith("parallel-"):
        rest = plan.removeprefix("parallel-")
        return *_curve_and_count(f"zigzag-{rest}" if rest.isdecimal() else rest), "parallel"
    return *_curve_and_count(plan), "plain"


def _curve_and_count(plan: str) -> tuple[str, int]:
    """`zigzag-8` as its curve and 8; a name alone counts 1."""
    if plan in scan_names():
        return plan, 1
    name, _, count = plan.rpartition("-")
    if count.isdecimal() and name in scan_names():
        return name, int(count)
    raise ValueError(unknown("plan", plan, [*scan_names(), *PLAN_FORMS]))


def _split_options(part: str) -> tuple[str, dict[str, Any]]:
    """`windowed-8:window=4,inner=hilbert` as the plan and its options; 4 and 4x6 are read as numbers."""
    plan, _, suffix = part.strip().partition(":")
    options: dict[str, Any] = {}
    for assignment in filter(None, suffix.split(",")):
        key, equals, value = assignment.partition("=")
        if not (key and equals and value):
            raise ValueError(f"options are written NAME:key=value,key=value, unlike {part!r}")
        options[key] = _value(value)
    return plan, options


def _value(text: str) -> Any:
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(map(int, text.split("x")))
    return text


def _options(
    curve: Curve, own: Mapping[str, Any], shared: Mapping[str, Any], used: set[str]
) -> tuple[tuple[str, Any], ...]:
    mine = {key: value for key, value in shared.items() if key in curve.options}
    used.update(mine)
    return tuple(sorted({**mine, **own}.items()))


def _video(letters: str, curve: Curve, options: tuple[tuple[str, Any], ...]) -> list[_Layer]:
    """One period of a factorised plan: s layers count through the variants, t layers through directions."""
    spaces, times = letters.count("s"), letters.count("t")
    variants = 8 if math.isinf(curve.variants) else int(curve.variants)
    rounds = math.lcm(
        variants // math.gcd(variants, spaces) if spaces else 1, 2 // math.gcd(2, times) if times else 1
    )
    layers, counted = [], {"s": 0, "t": 0}
    for letter in letters * rounds:
        turn = counted[letter]
        counted[letter] += 1
        if letter == "s":
            layers.append(_Layer(curve.name, (turn % variants,), options, "space"))
        else:
            layers.append(_Layer("time", (turn % 2,), (), "time"))
    return layers


def _space_layer(frame: ScanOrder, grid: Grid) -> ScanOrder:
    """The order of one frame, in each frame: T segments of H * W."""
    starts = np.arange(grid[0])[:, None] * len(frame)
    return ScanOrder(
        (starts + frame.order).ravel(), grid, f"space {frame.name}", frame.variant, segments=grid[0]
    )


def _time_layer(direction: int, grid: Grid) -> ScanOrder:
    """The frames at each place, forwards (0) or backwards (1): H * W segments of T."""
    frames, places = grid[0], grid[1] * grid[2]
    cells = np.arange(frames * places).reshape(frames, places)
    cells = cells[::-1] if direction else cells
    return ScanOrder(cells.T.ravel(), grid, "time", direction, segments=places)

"""How a plan is written.

    PLAN   = PART + PART ...        the layers of the parts, one after the other, then from the beginning again
    PART   = SCAN                   a layer for each order
           | parallel-SCANS         one layer: all scans at once, each with parameters of its own
           | shared-SCANS           one layer: all scans at once, with the same parameters
           | channels-SCANS         one layer: each scan reads its own group of the channels
           | bidirectional          parallel-sweep@0,6: there and back (VisionMamba; the released `sweep2`)
           | video-[st...]          factorised: s layers scan each frame, by the zigzags in turn (`:space=CURVE`), t
                                    layers scan time at each place, forwards and backwards in turn
           | video-CURVE3d-k        CURVE-k, on grids of frames only
    SCANS  = SCAN                   of one curve
           | (SCAN + SCAN ...)      of several
           | k                      zigzag-k
    SCAN   = CURVE                  variant 0 of a built-in curve; of a file's, all that it has, eight at most
           | CURVE-k                its first k variants
           | CURVE@v,w,...          these variants; 0r is variant 0 from its end
    CURVE  = NAME | FILE.py:NAME | FILE.npy

A scan may end in options of its curve, `:key=value,key=value`; every curve has `axes`, see `scan_order`.
A published strategy's name, `vmamba`, stands for the parts of its plan (`zigma.scans.strategies`). Examples:

    zigzag-8     sweep@0,1,6,7     zigzag-4+hilbert-4     windowed-8:window=4,inner=hilbert     my_curves.py:spiral-2
    parallel-hilbert-4     channels-(sweep@0,6+zigzag@1)     shared-sweep@0,6:axes=hwt     orders.npy     video-sst
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from zigma.common.words import shown
from zigma.scans.given import remember
from zigma.scans.order import Layer, ParallelScan, ScanOrder
from zigma.scans.plans import Plan
from zigma.scans.reader import Reader

Scans = Sequence[Any]
AnyPlan = str | Plan | ScanOrder | ParallelScan | np.ndarray | Scans


def parse_plan(plan: AnyPlan) -> Plan:
    """A plan as a value, from its text or from orders as they are.

    Args:
        plan: a text as at the top of this module; an array of one order (L,) or of k orders (k, L) for the layers in
            turn; or a list with a text, an array, a `ScanOrder` or a `ParallelScan` for each layer.

    Raises:
        ValueError: one line with what was wrong and what would be right.
    """
    return _parse(plan, {})


def scan_plan(plan: AnyPlan, grid: Iterable[int], depth: int, **options: Any) -> list[Layer]:
    """One ScanOrder per layer, or one ParallelScan where a layer scans several times: `parse_plan(plan).layers(...)`.

    `grid` is that of the tokens, (H, W) or (T, H, W). Keyword options go to each scan of the plan whose curve has
    them (`scan_plan("random-4", (16, 16), 24, seed=3)`); those written in the plan itself come first. Layers of the
    same order share one object.

    Raises ValueError in one line for an unknown plan, and where plan and grid do not fit.
    """
    return _parse(plan, options).layers(grid, depth)


def _parse(plan: AnyPlan, shared: Mapping[str, Any]) -> Plan:
    if isinstance(plan, Plan) and not shared:
        return plan
    if not isinstance(plan, (str, Plan)):
        plan = _text_of(plan)
    reader = Reader(plan.text if isinstance(plan, Plan) else plan, shared)
    parsed = reader.plan()
    if unused := shared.keys() - reader.used:
        raise ValueError(f"no part of plan {reader.whole!r} has the option {', '.join(sorted(unused))}")
    return parsed


def _text_of(orders: Any) -> str:
    """A text that means, in this process, the orders that were given."""
    if isinstance(orders, ScanOrder):
        return remember(orders.order, orders.segments).name
    if isinstance(orders, ParallelScan):
        return f"{orders.mixing}-({'+'.join(_text_of(scan) for scan in orders.scans)})"
    if isinstance(orders, (list, tuple)):
        if not orders:
            raise ValueError(
                "an empty list is no plan: give a text such as 'zigzag-8', or an order for each layer"
            )
        if not all(isinstance(each, (int, np.integer)) for each in orders):
            return "+".join(_parse(each, {}).text for each in orders)
    if hasattr(orders, "detach"):  # a tensor, on any device
        orders = orders.detach().cpu().numpy()
    if not isinstance(orders, (list, tuple, np.ndarray)):
        raise ValueError(
            f"a plan is a text such as 'zigzag-8', or orders of tokens, not {shown(repr(orders))}"
        )
    return remember(orders).name


# a user's curve cannot be pickled, but its file can be read
copyreg.pickle(Plan, lambda plan: (parse_plan, (plan.text,)))

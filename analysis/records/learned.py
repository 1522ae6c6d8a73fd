"""Have a sheet's networks learned enough to be judged?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.records.sheet import Sheet
from analysis.stats import Array
from studies.run.record import Record

STILL_FALLING = 0.02  # of the loss over the last quarter of training
QUARTER = 0.25
LOSSES = ("held_out_loss", "loss")  # curves by which convergence is read, the better first


@dataclass(frozen=True)
class Learned:
    """Whether the networks of a sheet may be judged, and if not, why in one line."""

    why: str = ""

    @property
    def allowed(self) -> bool:
        return not self.why


def learned(sheet: Sheet) -> Learned:
    """No verdict where the loss of some arm still falls by more than 2 % over the last quarter of its training."""
    falls = {arm: fall for arm in sheet.arms if (fall := last_fall(sheet.done(arm))) is not None}
    falling = {arm: fall for arm, fall in falls.items() if fall > STILL_FALLING}
    if not falling:
        return Learned()
    worst = max(falling, key=lambda arm: falling[arm])
    return Learned(
        f"the loss of {len(falling)} of {len(falls)} arms still falls by more than {STILL_FALLING:.0%} over the last "
        f"quarter ({worst}: {falling[worst]:.1%})"
    )


def last_fall(records: Iterable[Record]) -> float | None:
    """By what share of its value the loss fell over the last quarter, by a line through the points of all seeds there.

    One standard error of the line is taken off, since the loss of a batch is noisy. None without two points.
    """
    records = list(records)
    name = next((name for name in LOSSES if any(name in record["curves"] for record in records)), None)
    curves = [record["curves"][name] for record in records if name and name in record["curves"]]
    by_steps: dict[tuple[float, ...], list[Sequence[float]]] = defaultdict(list)
    for curve in curves:
        by_steps[tuple(curve["step"])].append(curve["value"])
    parts = [_last_quarter(steps, values) for steps, values in by_steps.items() if steps and steps[-1] > 0]
    points = np.concatenate(parts) if parts else np.empty((0, 2))
    if len(set(points[:, 0])) < 2:
        return None
    from scipy.stats import linregress

    line = linregress(points[:, 0], points[:, 1])
    error = float(line.stderr) if len(points) > 2 else 0.0
    return QUARTER * float(-line.slope - error) / float(line.intercept)


def _last_quarter(steps: Sequence[float], values: Sequence[Sequence[float]]) -> Array:
    """(points, 2): time since three quarters of the training, as a share of all of it, and the loss over its mean.

    `values` has a row for each of the curves that were logged at these steps.
    """
    time = np.asarray(steps, float) / steps[-1] - (1 - QUARTER)
    late = time >= -1e-9
    loss = np.ma.masked_invalid(np.asarray(values, float)[:, late])
    share = loss / loss.mean(axis=1, keepdims=True)
    times = np.ma.array(np.broadcast_to(time[late], loss.shape), mask=np.ma.getmaskarray(share))
    return np.stack([times.compressed(), share.compressed()], axis=1)

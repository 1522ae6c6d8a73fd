"""Arms that the user adds: a scan plan by its name, or a curve in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from studies.declare.identity import forget_orders
from studies.declare.study import Arm, Study
from zigma.experiment.config import ScanConfig


def with_scans(study: Study, scans: Iterable[str]) -> Study:
    """The study with an arm more for each scan: `my_curves.py:spiral`, a curve of a file, or a plan by its name.

    A curve's eight variants are read in turn (`spiral-8`), as the paper does with its zigzags; `FILE:NAME-2` asks
    for two of them.
    """
    plans = dict.fromkeys(map(_plan, scans))
    bases = [config for settings in study.scales.values() for config in settings.values()]
    path = "scan" if all(isinstance(config, ScanConfig) for config in bases) else "model.scan"
    added = tuple(Arm(plan, {path: plan}) for plan in plans)
    declared = {arm.name for arm in study.arms}
    return replace(study, arms=study.arms + tuple(arm for arm in added if arm.name not in declared))


def _plan(scan: str) -> str:
    if ".py:" not in scan:
        return scan
    curve, _, count = scan.rpartition("-")
    if not count.isdecimal():
        curve, count = scan, "8"
    name = read_curve(curve)
    return f"{name}-{count}"


def read_curve(curve: str) -> str:
    """Read a curve of a user's file, `my_curves.py:spiral`, again where it was read before; returns its name."""
    from zigma.scans import load_scan

    name = load_scan(curve)
    forget_orders()
    return name

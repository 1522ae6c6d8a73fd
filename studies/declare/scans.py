"""Arms that the user adds: scan plans, of built-in curves or of files of hers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from studies.declare.study import Arm, Study
from zigma.common.words import WordError
from zigma.experiment.config import ScanConfig

if TYPE_CHECKING:
    from zigma.scans import Plan


def called(scan: str, plan: Plan) -> str:
    """What an arm along a plan is called: a published strategy as typed, any other by the plan's name, which holds no
    folder."""
    from zigma.scans import STRATEGIES

    return scan.strip() if scan.strip() in STRATEGIES else plan.name


def with_scans(study: Study, scans: Iterable[str]) -> tuple[Study, list[str]]:
    """The study with an arm more for each scan: a plan of `zigma.scans`, `my_curves.py:spiral-8` and `orders.npy`
    included; and the names of their arms. One that the study has already is that one.

    Raises:
        WordError: two different plans would have one name, or the study calls something else so.
    """
    from zigma.scans import parse_plan

    plans: dict[str, Plan] = {}
    for scan in scans:
        plan = parse_plan(scan)
        before = plans.setdefault(called(scan, plan), plan)
        if before != plan:
            raise WordError(f"--scan {plan.text} and {before.text} are both called {plan.name}; rename one")
    bases = [config for settings in study.scales.values() for config in settings.values()]
    path = "scan" if all(isinstance(config, ScanConfig) for config in bases) else "model.scan"
    declared = {arm.name: arm for arm in study.arms}
    for name, plan in plans.items():
        arm = declared.get(name)
        if arm is not None and (
            arm.at or arm.changes.keys() != {path} or parse_plan(arm.changes[path]).period != plan.period
        ):
            raise WordError(
                f"{study.name} has an arm {name} that is more than this scan: --only '{name}' runs that one"
            )
    added = tuple(Arm(name, {path: plan.text}) for name, plan in plans.items() if name not in declared)
    return replace(study, arms=study.arms + added), list(plans)

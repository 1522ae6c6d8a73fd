"""Arms that the user adds: scan plans, of built-in curves or of files of hers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from studies.declare.study import Arm, Study
from zigma.common.words import WordError
from zigma.experiment.config import ScanConfig


def with_scans(study: Study, scans: Iterable[str]) -> tuple[Study, list[str]]:
    """The study with an arm more for each scan: a plan of `zigma.scans`, `my_curves.py:spiral-8` and `orders.npy`
    included; and the names of their arms. An arm is called by the plan's name, which holds no folder; one that the
    study has already is that one.

    Raises:
        WordError: two different plans would have one name, or the study calls something else so.
    """
    from zigma.scans import parse_plan

    plans = list(dict.fromkeys(parse_plan(scan) for scan in scans))
    by_name = {plan.name: plan for plan in plans}
    for plan in plans:
        if by_name[plan.name] != plan:
            raise WordError(
                f"--scan {plan.text} and {by_name[plan.name].text} are both called {plan.name}; rename one"
            )
    bases = [config for settings in study.scales.values() for config in settings.values()]
    path = "scan" if all(isinstance(config, ScanConfig) for config in bases) else "model.scan"
    declared = {arm.name: arm for arm in study.arms}
    for plan in plans:
        arm = declared.get(plan.name)
        if arm is not None and (arm.changes != {path: plan.text} or arm.at):
            raise WordError(
                f"{study.name} has an arm {plan.name} that is more than this scan: --only '{plan.name}' runs that one"
            )
    added = tuple(Arm(plan.name, {path: plan.text}) for plan in plans if plan.name not in declared)
    return replace(study, arms=study.arms + added), list(by_name)

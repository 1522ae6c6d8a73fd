"""Arms that the user adds: scan plans, of built-in curves or of files of hers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from studies.declare.study import Arm, Study
from zigma.common.words import WordError
from zigma.experiment.config import ScanConfig


def with_scans(study: Study, scans: Iterable[str]) -> Study:
    """The study with an arm more for each scan: a plan of `zigma.scans`, `my_curves.py:spiral-8` and `orders.npy`
    included. The arm is called by the plan's name, which holds no folder.

    Raises:
        WordError: two different plans would have one name.
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
    added = tuple(Arm(plan.name, {path: plan.text}) for plan in plans)
    declared = {arm.name for arm in study.arms}
    return replace(study, arms=study.arms + tuple(arm for arm in added if arm.name not in declared))

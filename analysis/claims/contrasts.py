"""What the kinds of statement share: a contrast on each sheet, the paper's printed columns, and ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from analysis.claims.claim import Contrast, Measure, Printed, Range, Statement
from analysis.claims.deciding import chosen, deciding, identities, oriented_logs, why_unlearned
from analysis.metrics import QUALITY, find_metric, paper_metric
from analysis.records import Sheet
from analysis.stats import Array
from studies.declare.study import Study

ABOVE: Range = (0.0, math.inf)


class Kind:
    """What most kinds of statement share: one comparison in each setting, of which the paper prints no numbers."""

    joins: ClassVar[bool] = False

    def comparisons(self, scale: str) -> int:
        return 1

    def printed(self, study: Study) -> list[Printed]:
        return []


def within(margin: float) -> Range:
    """Logarithms of ratios that are 1 to within a margin: 0.05 is from 1 / 1.05 to 1.05."""
    return -math.log1p(margin), math.log1p(margin)


def by_seed(
    statement: Statement,
    sheets: Mapping[str, Sheet],
    arms: Sequence[str],
    combine: Callable[[Array], Array],
    claimed: Range,
    says: str,
    measure: Measure = "ratio",
) -> list[Contrast]:
    """A contrast for each sheet and metric; `combine` makes of logarithms (seeds, arms) a number, or a row, per seed.

    It may leave seeds out.
    """
    made = []
    for sheet in chosen(sheets, statement.settings):
        for metric, decides in deciding(sheet, statement.metric):
            logs = oriented_logs(sheet, arms, metric)
            if logs is None:
                continue
            samples = [tuple(np.atleast_1d(row).tolist()) for row in combine(logs[1])]
            behind = identities(sheet, arms, logs[0])
            if len(set(behind)) < len(behind):  # two arms that are one run here
                continue
            if samples:
                made.append(contrast_on(sheet, says, metric, measure, samples, claimed, decides, behind))
    return made


def contrast_on(
    sheet: Sheet,
    says: str,
    metric: str,
    measure: Measure,
    samples: Sequence[tuple[float, ...]],
    claimed: Range,
    decides: bool,
    records: Sequence[str],
    setting: str = "",
    unlearned: str | None = None,
) -> Contrast:
    """A contrast with what the sheet and the metric say of it."""
    return Contrast(
        says=says,
        scale=sheet.scale,
        setting=setting or sheet.setting,
        metric=metric,
        measure=measure,
        samples=tuple(samples),
        claimed=claimed,
        decides=decides,
        counted=find_metric(metric).exact,
        unlearned=why_unlearned(sheet, metric) if unlearned is None else unlearned,
        records=tuple(records),
    )


def printed_columns(study: Study, arms: Sequence[str], metric: str | None) -> dict[str, list[float]]:
    """The paper's columns that have a number of every one of the arms; none where two arms stand for one row."""
    if any(study.second_readings.get(arm) in arms for arm in arms):
        return {}
    measured = (find_metric(metric).column,) if metric else QUALITY
    paper = {arm.name: arm.paper for arm in study.arms}
    columns = dict.fromkeys(
        column for arm in arms for column in paper.get(arm, {}) if paper_metric(column)[1] in measured
    )
    return {
        column: [paper[arm][column] for arm in arms]
        for column in columns
        if all(column in paper.get(arm, {}) for arm in arms)
    }


def untied(one: Array, other: Array) -> Array:
    """Rows of a rank correlation of two matrices (seeds, arms), without the seeds in which one side is all ties."""
    rows = np.concatenate([one, other], axis=1)
    return rows[(np.ptp(one, axis=1) > 0) & (np.ptp(other, axis=1) > 0)]

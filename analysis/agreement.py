"""Do our arms stand in the paper's order, and do they differ at all? A proxy is worth something only if it predicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.metrics import QUALITY, find_metric, in_order, main_metric, paper_metric
from analysis.records import Records, Sheet, sheets
from analysis.stats import Array, Friedman, RankCorrelation, count_pairs, friedman, rank_correlation
from studies.declare.registry import studies

SEED = 2403_13802  # of every generator here: the same records give the same numbers


@dataclass(frozen=True)
class Agreement:
    """How our order of a study's arms, at one scale and setting, agrees with the paper's."""

    study: str
    shows: str
    scale: str
    setting: str
    metric: str
    paper_column: str
    ranks: RankCorrelation


def metric_names(sheet: Sheet) -> list[str]:
    """The metrics of a sheet's finished runs that tables show, in the order of their columns."""
    return in_order(sheet.metric_names)


def paper_column(sheet: Sheet, metric: str) -> str | None:
    """The column of the paper that a metric of ours answers in this setting, or None."""
    if sheet.own_data:
        return None
    printed = list(dict.fromkeys(column for arm in sheet.study.arms for column in arm.paper))
    stands_for = sheet.study.stands_for.get(sheet.setting)
    group = paper_metric(stands_for)[0] if stands_for else ""
    if stands_for and metric == main_metric(metric_names(sheet)) and stands_for in printed:
        return stands_for
    answers = find_metric(metric).column
    return next((column for column in printed if paper_metric(column) == (group, answers)), None)


def agreement(sheet: Sheet, metric: str | None = None) -> Agreement | None:
    """The rank correlation of a sheet's arms with the paper's; None where fewer than three have both numbers."""
    both = _both(sheet, metric)
    if both is None:
        return None
    ranks = rank_correlation(both.values, both.paper, np.random.default_rng(SEED))
    study = sheet.study
    return Agreement(study.name, study.shows, sheet.scale, sheet.setting, both.metric, both.column, ranks)


def pairs_in_order(sheet: Sheet) -> tuple[int, int] | None:
    """How many pairs of a sheet's arms stand in the paper's order, and how many pairs there are; see `agreement`."""
    both = _both(sheet, None)
    return None if both is None else count_pairs(both.values, both.paper)


@dataclass(frozen=True)
class _Both:
    """The arms of which we and the paper have numbers: ours (seeds, arms) by a metric, the paper's by a column."""

    metric: str
    column: str
    values: Array
    paper: list[float]


def _both(sheet: Sheet, metric: str | None) -> _Both | None:
    metric = metric or main_metric(metric_names(sheet))
    column = paper_column(sheet, metric) if metric else None
    if metric is None or column is None or paper_metric(column)[1] not in QUALITY:
        return None
    protocol = sheet.commonest_protocol(metric, sheet.arms)
    once = [arm for arm in sheet.study.arms if arm.name not in sheet.study.second_readings]
    paper = {arm.name: arm.paper[column] for arm in once if column in arm.paper}
    arms = [arm for arm in paper if sheet.by_seed(arm, metric, protocol)]
    if len(arms) < 3:
        return None
    _, values = sheet.in_common(arms, metric)
    if not len(values):
        return None
    return _Both(metric, column, values, [paper[arm] for arm in arms])


def all_agreements(records: Records) -> list[Agreement]:
    """The rank correlation with the paper of every table, scale and setting that has the numbers."""
    made = [
        agreement(sheet)
        for study in studies().values()
        if study.shows.startswith("Table")
        for scale in study.scales
        for sheet in sheets(study, records, scale).values()
    ]
    return [item for item in made if item is not None]


@dataclass(frozen=True)
class Difference:
    """Friedman's test of a study's arms: a block is a seed in a setting."""

    metric: str
    arms: tuple[str, ...]
    blocks: int
    friedman: Friedman


def differ(sheets: list[Sheet]) -> Difference | None:
    """Friedman's test over the arms that all settings share; None with too few of them, or of several metrics."""
    sheets = [sheet.declared for sheet in sheets]
    metrics = {main_metric(metric_names(sheet)) for sheet in sheets} - {None}
    if len(metrics) != 1:
        return None
    metric = str(metrics.pop())
    arms = [arm for arm in sheets[0].arms if all(sheet.values(arm, metric) for sheet in sheets)]
    if len(arms) < 3:
        return None
    blocks = np.concatenate([sheet.in_common(arms, metric)[1] for sheet in sheets])
    if len(blocks) < 2:
        return None
    return Difference(metric, tuple(arms), len(blocks), friedman(blocks, np.random.default_rng(SEED)))

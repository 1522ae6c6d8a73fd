"""How often what is known of two plans before any training predicts which of them a network prefers.

Such a prediction costs no run. It is held against networks that have learned, and only where two arms differ in their
plan alone: what positions or a mixer do, no measure of a path can know.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.claims.deciding import decider, oriented_logs, why_unlearned
from analysis.closed_form import MEASURES, ROUNDING, form, length_of
from analysis.records import Records, Sheet, declared_sheets
from studies.declare.registry import studies
from zigma.experiment.config import RunConfig, read_config
from zigma.models.config import ZigMaConfig
from zigma.scans import parse_plan

MOST_TOKENS = 100  # of the grid: the sight of a whole plan takes seconds of 256 tokens


@dataclass(frozen=True)
class Predicted:
    """How often a measure of plans orders two arms as one seed of their networks does."""

    study: str
    scale: str
    setting: str
    metric: str
    measure: str
    meaning: str
    pairs: int  # of arms that differ in their plan alone
    apart: int  # of these, for which the measure differs: of the others it predicts nothing
    seeds: int  # the most that a pair has in common
    decisions: int  # of each pair told apart, its seeds
    right: int


def all_predicted(records: Records) -> list[Predicted]:
    """Of every sheet whose networks have learned, and every measure."""
    by_setting = (
        sheet
        for study in studies().values()
        for scale in study.scales
        for sheet in declared_sheets(study, records, scale).values()
    )
    return [item for sheet in by_setting for item in predicted(sheet)]


def predicted(sheet: Sheet) -> Iterator[Predicted]:
    """Of one sheet, measure by measure; nothing where its networks have not learned or no two plans are there."""
    metric = decider(sheet)
    if metric is None or why_unlearned(sheet, metric):
        return
    configs = {arm: config for arm in sheet.arms if (config := _config(sheet, arm, metric)) is not None}
    first_is_better = {
        pair: logs[1][:, 0] < logs[1][:, 1]  # seed by seed
        for pair in combinations(configs, 2)
        if _plan_alone(*(configs[arm] for arm in pair))
        and (logs := oriented_logs(sheet, pair, metric)) is not None
    }
    if not first_is_better:
        return
    forms = {arm: _measures(config) for arm, config in configs.items()}
    for measure, (meaning, less) in MEASURES.items():
        sign = 1.0 if less else -1.0
        values = {arm: sign * measured.get(measure, np.nan) for arm, measured in forms.items()}
        apart = [(a, b) for a, b in first_is_better if abs(values[a] - values[b]) > ROUNDING]
        yield Predicted(
            *(sheet.study.name, sheet.scale, sheet.setting, metric),
            measure,
            meaning,
            pairs=len(first_is_better),
            apart=len(apart),
            seeds=max(map(len, first_is_better.values())),
            decisions=sum(len(first_is_better[pair]) for pair in apart),
            right=sum(int(np.sum(first_is_better[a, b] == (values[a] < values[b]))) for a, b in apart),
        )


def _config(sheet: Sheet, arm: str, metric: str) -> RunConfig | None:
    """The configuration of an arm of ZigMa's whose plan can be measured here, in a moment."""
    if not sheet.values(arm, metric):
        return None
    try:
        config = read_config(sheet.done(arm)[0]["config"])
        if not isinstance(config, RunConfig) or not isinstance(config.model, ZigMaConfig):
            return None
        parse_plan(config.model.scan)
    except ValueError:  # of a person's own curve or mixer, whose file is gone
        return None
    grid = config.model.token_grid
    return config if len(grid) == 2 and math.prod(grid) <= MOST_TOKENS else None


def _plan_alone(one: RunConfig, other: RunConfig) -> bool:
    """Whether two arms differ in nothing but their plan and their seeds."""
    model, others = _model(one), _model(other)
    return others != model and other.replace(seed=one.seed, model=others.replace(scan=model.scan)) == one


def _measures(config: RunConfig) -> Mapping[str, float]:
    model = _model(config)
    return form(parse_plan(model.scan), model.token_grid, model.depth, length_of(config)).measures


def _model(config: RunConfig) -> ZigMaConfig:
    assert isinstance(config.model, ZigMaConfig)  # `_config` has seen to it
    return config.model

"""All that the page says, as values: gathered once, and shown as HTML and as PNG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analysis.card.measured import Against, against, judged_by, times
from analysis.closed_form import MEASURES, SHORT, ZOO, Form, form, length_of, level_with, rank, zoo
from analysis.metrics import LOSS, find_metric
from analysis.records import Records, Sheet, load, sheets
from analysis.records.learned import learned
from analysis.stats import spearman
from studies.declare.registry import find_study
from studies.declare.shipped import shipped_results
from studies.declare.trial import SCALE, Trial
from zigma.experiment.config import RunConfig
from zigma.models.config import ZigMaConfig

DIGITS = "digits-8-short"


@dataclass(frozen=True)
class Prediction:
    """What one measure says of the curve, and how well it put the zoo's recorded curves in order."""

    name: str
    meaning: str
    value: float
    place: tuple[int, int] | None
    spearman: float  # with the held-out loss of the zoo's curves; positive: it predicts it; nan where unknown
    curves: int


@dataclass(frozen=True)
class Card:
    """The page's content."""

    trial: Trial
    verdict: str
    own: Form | None  # None for a mixer
    zoo: Mapping[str, Form]
    place: tuple[int, int] | None  # among the zoo by closed form, herself included
    level: tuple[str, ...]  # the curves of the zoo that share her place
    measured_place: tuple[int, int] | None  # by held-out loss on digits
    predictions: tuple[Prediction, ...]
    sheets: Mapping[str, Sheet]
    pairs: tuple[Against, ...]
    missing: tuple[str, ...]
    what_was_run: tuple[str, ...]


def both_records(results: Path) -> Records:
    """Her own records first, then those that ship."""
    own, shipped = load(results, "own"), load(shipped_results(results), "published")
    taken = {record["identity"] for record in own}
    records = Records([*own, *(record for record in shipped if record["identity"] not in taken)])
    records.faults += [*own.faults, *shipped.faults]
    records.levels = {**shipped.levels, **own.levels}
    return records


def card(trial: Trial, records: Records) -> Card:
    """Gather what is known of what is tried."""
    by_setting = _of_trial(trial, sheets(trial.study, records, SCALE))
    base = next(iter(trial.study.scales[SCALE].values()))
    assert isinstance(base, RunConfig)
    assert isinstance(base.model, ZigMaConfig)
    grid, depth, length = base.model.token_grid, base.model.depth, length_of(base)
    own, curves = None, {}
    if trial.plan is not None:
        own, curves = form(trial.plan, grid, depth, length), zoo(grid, depth, length)
        curves[own.name] = own
    losses = _losses(records, by_setting, trial)
    pairs = tuple(
        pair for sheet in by_setting.values() for pair in against(sheet, trial.arm.name, trial.beside)
    )
    shorts = {name: each.measures[SHORT] for name, each in curves.items() if SHORT in each.measures}
    place = rank(own.name, shorts) if own is not None else None
    level = level_with(own.name, shorts) if own is not None and place is not None else []
    return Card(
        trial,
        _verdict(trial, by_setting, pairs, place, level),
        own,
        curves,
        place,
        tuple(level),
        rank(trial.arm.name, losses),
        tuple(_predictions(own, curves, losses)) if own is not None else (),
        by_setting,
        pairs,
        tuple(_missing(trial, by_setting)),
        tuple(_what_was_run(by_setting)),
    )


def _of_trial(trial: Trial, by_setting: Mapping[str, Sheet]) -> dict[str, Sheet]:
    """The sheets without what was tried before: those are pages of their own."""
    names = {trial.arm.name, *trial.beside}
    return {
        setting: replace(sheet, arms={arm: records for arm, records in sheet.arms.items() if arm in names})
        for setting, sheet in by_setting.items()
    }


def _losses(records: Records, by_setting: Mapping[str, Sheet], trial: Trial) -> dict[str, float]:
    """Held-out loss on digits by arm, means over seeds: the zoo's recorded curves and the arms of the trial."""
    if DIGITS not in by_setting:
        return {}
    both = (sheets(find_study(ZOO), records, SCALE)[DIGITS], by_setting[DIGITS])
    return {arm: mean for sheet in both for arm, mean in sheet.means(LOSS).items()}


def _predictions(own: Form, curves: Mapping[str, Form], losses: Mapping[str, float]) -> list[Prediction]:
    result = []
    for name, (meaning, less) in MEASURES.items():
        values = {each: one.measures[name] for each, one in curves.items() if name in one.measures}
        if own.name not in values:
            continue
        others = [each for each in values if each in losses and each != own.name]
        seen = [values[each] if less else -values[each] for each in others]
        tied = len(set(seen)) < 2 or len(others) < 3
        told = np.array([losses[each] for each in others])
        rho = math.nan if tied else float(spearman(np.array(seen), told))
        result.append(
            Prediction(name, meaning, values[own.name], rank(own.name, values, less), rho, len(others))
        )
    return result


def _verdict(
    trial: Trial,
    by_setting: Mapping[str, Sheet],
    pairs: tuple[Against, ...],
    place: tuple[int, int] | None,
    level: Sequence[str],
) -> str:
    parts = []
    for setting, sheet in by_setting.items():
        metric = judged_by(sheet)
        told = [
            pair
            for pair in pairs
            if pair.setting == setting and pair.metric == metric and pair.ratio is not None
        ]
        measured_part = " and ".join(
            f"{_than(pair)} {pair.other} (ratio {times(pair.ratio)})"
            for pair in told
            if pair.ratio is not None
        )
        if measured_part:
            parts.append(f"on {setting}, by {find_metric(metric).head(metric)}: {measured_part}")
    if not parts:
        having = any(sheet.done(trial.arm.name) for sheet in by_setting.values())
        parts.append("it shares no seed with the arms beside it" if having else "nothing is trained yet")
    if place is not None:
        shared = f", level with {', '.join(level)}" if level else ""
        parts.append(
            f"{_nth(place[0])} of {place[1]} curves by least excess along the first path, in closed form{shared}"
        )
    trained = [sheet for sheet in by_setting.values() if sheet.done(trial.arm.name)]
    if any(not learned(sheet).allowed for sheet in trained):
        parts.append("networks were still learning: no verdict about longer training")
    return f"{trial.arm.name}: {'; '.join(parts)}."


def _than(pair: Against) -> str:
    words = {"not told apart": "not told apart from", "one seed, no interval": "undecided against"}
    return words.get(pair.word, f"{pair.word} than")


def _nth(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _missing(trial: Trial, by_setting: Mapping[str, Sheet]) -> list[str]:
    lines = []
    for setting, sheet in by_setting.items():
        for arm in (trial.arm.name, *trial.beside):
            failed = sheet.failed(arm)
            if failed:
                seeds = ", ".join(str(record["seed"]) for record in failed)
                lines.append(f"{arm} on {setting}, seed {seeds} (failed: {failed[0]['error']})")
            elif not sheet.done(arm):
                lines.append(f"{arm} on {setting}")
    if trial.plan is not None and DIGITS not in by_setting:
        lines.append("the zoo's curves on these images, so measures are not compared with losses")
    return lines


def _what_was_run(by_setting: Mapping[str, Sheet]) -> list[str]:
    lines = []
    for setting, sheet in by_setting.items():
        config = sheet.study.scales[SCALE][setting]
        if not isinstance(config, RunConfig):
            continue
        training = config.training
        counted = ", ".join(f"{len(sheet.done(arm)) or 'none'} of {arm}" for arm in sheet.arms)
        devices = dict.fromkeys(str(record["environment"].get("device", "?")) for record in sheet.records)
        where = f"; on {', '.join(devices)}" if devices else ""
        lines.append(
            f"{setting}: {training.steps} steps of {training.batch_images}, "
            f"{config.model.token_grid[0]}x{config.model.token_grid[1]} tokens, width {config.model.hidden}, "
            f"depth {config.model.depth}; runs: {counted}{where}{_sizes(sheet)}"
        )
    return lines


def _sizes(sheet: Sheet) -> str:
    """How many parameters each arm has, where they are not of one size: a larger network may win by that alone."""
    sizes = {
        arm: int(count)
        for arm in sheet.arms
        for record in sheet.done(arm)[:1]
        if (count := record["cost"].get("parameters")) is not None
    }
    if not sizes or max(sizes.values()) <= 1.01 * min(sizes.values()):
        return ""
    return f"; parameters: {', '.join(f'{count:,} of {arm}' for arm, count in sizes.items())}"

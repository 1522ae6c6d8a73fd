"""Statements about what grows with the number of tokens, and about two metrics that put arms in the same order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from analysis.claims.claim import RHO, TREND, Contrast, Measure, Range
from analysis.claims.contrasts import ABOVE, Kind, contrast_on, untied
from analysis.claims.deciding import chosen, deciding, identities, oriented_logs
from analysis.metrics import LOSS
from analysis.records import Protocol, Sheet
from analysis.stats import Array

FEWEST_SIZES = 3  # of a trend or an exponent


@dataclass(frozen=True)
class PowerLaw(Kind):
    """A cost grows with the number of tokens to a power, over the settings of a study (grids such as `32x32`).

    The exponent is fitted seed by seed: grids are no repetitions.
    """

    kind: ClassVar[str] = "equal"
    joins: ClassVar[bool] = True
    measure: ClassVar[Measure] = "exponent"
    study: str
    arm: str
    metric: str
    exponent: float = 1.0
    margin: float = 0.1
    settings: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[str, ...]:
        return (self.arm,)

    @property
    def says(self) -> str:
        return f"{self.metric} of {self.arm} grows as the tokens to the power {self.exponent:g} ± {self.margin:g}"

    @property
    def claimed(self) -> Range:
        return self.exponent - self.margin, self.exponent + self.margin

    def of_seed(self, sizes: list[int], logs: Array) -> tuple[float, ...]:
        return (float(np.polyfit(np.log(sizes), logs[:, 0], 1)[0]),)

    def contrasts(self, sheets: Mapping[str, Sheet]) -> list[Contrast]:
        return _over_sizes(self, sheets)


@dataclass(frozen=True)
class GrowsApart(Kind):
    """The ratio of one arm's cost to another's rises with the number of tokens: a monotone trend, of no shape."""

    kind: ClassVar[str] = "trend"
    joins: ClassVar[bool] = True
    measure: ClassVar[Measure] = TREND
    claimed: ClassVar[Range] = ABOVE
    study: str
    cheap: str
    dear: str
    metric: str
    settings: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[str, str]:
        return self.cheap, self.dear

    @property
    def says(self) -> str:
        return f"{self.metric} of {self.dear} over that of {self.cheap} grows with the tokens"

    def of_seed(self, sizes: list[int], logs: Array) -> tuple[float, ...]:
        return tuple(map(float, logs[:, 1] - logs[:, 0]))

    def contrasts(self, sheets: Mapping[str, Sheet]) -> list[Contrast]:
        return _over_sizes(self, sheets)


def _over_sizes(statement: PowerLaw | GrowsApart, sheets: Mapping[str, Sheet]) -> list[Contrast]:
    """A contrast for each device, batch and precision with enough grids: a growth from one machine to another is none.

    Its samples are what the statement makes of each seed's numbers of tokens (rising) and logarithms (sizes, arms).
    """
    grids = {
        tokens: sheet for sheet in chosen(sheets, statement.settings) if (tokens := _tokens(sheet.setting))
    }
    all_rules = [
        rules for sheet in grids.values() for rules in sheet.protocols(statement.metric, statement.arms)
    ]
    devices = {dict(rules.rules).get("device") for rules in all_rules}
    made = []
    for rules in dict.fromkeys(all_rules):
        on = f" on {dict(rules.rules).get('device')}" if len(devices) > 1 else ""
        made.append(_by_rules(statement, grids, rules, on))
    return [contrast for contrast in made if contrast is not None]


def _by_rules(
    statement: PowerLaw | GrowsApart, grids: Mapping[int, Sheet], rules: Protocol, on: str
) -> Contrast | None:
    by_size: dict[int, dict[int, Array]] = {}
    used: list[Sheet] = []
    behind: tuple[str, ...] = ()
    for tokens, sheet in grids.items():
        logs = oriented_logs(sheet, statement.arms, statement.metric, rules)
        if logs is not None:
            by_size[tokens] = dict(zip(logs[0], logs[1], strict=True))
            used.append(sheet)
            behind += identities(sheet, statement.arms, logs[0])
    if len(by_size) < FEWEST_SIZES:
        return None
    sizes = sorted(by_size)
    seeds = sorted(set.intersection(*(set(values) for values in by_size.values())))
    samples = [statement.of_seed(sizes, np.array([by_size[size][seed] for size in sizes])) for seed in seeds]
    if not samples:
        return None
    decides = all(dict(deciding(sheet, statement.metric))[statement.metric] for sheet in used)
    return contrast_on(
        sheet=used[0],
        says=statement.says,
        metric=statement.metric,
        measure=statement.measure,
        samples=samples,
        claimed=statement.claimed,
        decides=decides,
        records=behind,
        setting=f"{len(sizes)} grids{on}",
    )


def _tokens(setting: str) -> int:
    """Tokens of a grid such as `32x32`; 0 where the setting is none."""
    sides = setting.split("x")
    return math.prod(map(int, sides)) if len(sides) > 1 and all(s.isdecimal() for s in sides) else 0


@dataclass(frozen=True)
class SameOrder(Kind):
    """The held-out loss and the distance of the samples rank a study's arms alike, seed by seed."""

    kind: ClassVar[str] = "trend"
    study: str
    settings: tuple[str, ...] = ()
    metric: str | None = None
    arms: tuple[str, ...] = ()  # none: all that the study declares

    @property
    def says(self) -> str:
        return "the held-out loss and the distance of the samples rank the arms alike"

    def contrasts(self, sheets: Mapping[str, Sheet]) -> list[Contrast]:
        return [
            contrast
            for sheet in chosen(sheets, self.settings)
            for metric, decides in deciding(sheet, self.metric)
            if decides and metric != LOSS and (contrast := self._contrast(sheet, metric)) is not None
        ]

    def _contrast(self, sheet: Sheet, metric: str) -> Contrast | None:
        named = self.arms or [arm.name for arm in sheet.study.arms]
        arms = [arm for arm in named if sheet.values(arm, metric) and sheet.values(arm, LOSS)]
        distances, losses = (oriented_logs(sheet, arms, name) if arms else None for name in (metric, LOSS))
        if len(arms) < 3 or distances is None or losses is None or distances[0] != losses[0]:
            return None
        samples = [tuple(row.tolist()) for row in untied(distances[1], losses[1])]
        behind = identities(sheet, arms, losses[0])
        both = f"{LOSS} and {metric}"
        made = contrast_on(sheet, self.says, metric, RHO, samples, ABOVE, True, behind)
        return replace(made, metric=both) if samples else None

"""The kinds of statement that claims are made of. Each gives contrasts: what to compare, and the range it wants.

Qualities and costs are compared as ratios, seed by seed: the logarithms of two arms' values are subtracted. So 1.20
means the same at every scale and in the paper, whatever the metric's size. Values are oriented so that a ratio above 1
is in the claim's favour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np

from analysis.claims.claim import RHO, Contrast, Printed, Range
from analysis.claims.contrasts import ABOVE, Kind, by_seed, contrast_on, printed_columns, untied, within
from analysis.claims.deciding import deciding, identities, oriented_logs, why_unlearned
from analysis.metrics import paper_metric
from analysis.records import Sheet
from analysis.stats import Array
from studies.declare.registry import find_study
from studies.declare.study import Study


@dataclass(frozen=True)
class Pairs(Kind):
    """A statement about every pair of some arms, the ratio of the later one's value to the earlier one's."""

    kind: ClassVar[str]
    study: str
    arms: tuple[str, ...]
    metric: str | None = None
    settings: tuple[str, ...] = ()
    margin: float = 0.05  # that counts as equal, where the kind allows one

    @property
    def claimed(self) -> Range:
        raise NotImplementedError

    def relation(self, one: str, other: str) -> str:
        raise NotImplementedError

    @property
    def says(self) -> str:
        return "; ".join(self._pair(*pair) for pair in combinations(self.arms, 2))

    def comparisons(self, scale: str) -> int:
        """Without the pairs that are one run at the scale, in each setting: no record tells such arms apart."""
        study = find_study(self.study)
        arms = {arm.name: arm for arm in study.arms}
        settings = [
            name for name in study.scales.get(scale, {}) if not self.settings or name in self.settings
        ]

        def one_run(one: str, other: str) -> bool:
            places = [[study.config(arms[arm], scale, at) for arm in (one, other)] for at in settings]
            return bool(places) and all(a == b for a, b in places)

        return sum(not one_run(*pair) for pair in combinations(self.arms, 2))

    def _pair(self, one: str, other: str) -> str:
        return self.relation(one, other) + (f" in {self.metric}" if self.metric else "")

    def contrasts(self, sheets: Mapping[str, Sheet]) -> list[Contrast]:
        def ratio(logs: Array) -> Array:
            return logs[:, 1] - logs[:, 0]

        return [
            contrast
            for pair in combinations(self.arms, 2)
            for contrast in by_seed(self, sheets, pair, ratio, self.claimed, self._pair(*pair))
        ]

    def printed(self, study: Study) -> list[Printed]:
        low, high = (math.exp(end) for end in self.claimed)
        return [
            Printed(self._pair(*pair), f"{column}: {a} and {b}, ratio {b / a:.2f}", low < b / a < high)
            for pair in combinations(self.arms, 2)
            for column, (a, b) in printed_columns(study, pair, self.metric).items()
        ]


@dataclass(frozen=True)
class Order(Pairs):
    """Each arm is better than every later one. An order is a statement about all of its pairs, not of a slope."""

    kind = "order"

    @property
    def claimed(self) -> Range:
        return ABOVE

    def relation(self, one: str, other: str) -> str:
        return f"{one} is better than {other}"


@dataclass(frozen=True)
class Alike(Pairs):
    """The arms are the same to within the margin, declared before looking: both one-sided tests of each pair."""

    kind = "equal"

    @property
    def claimed(self) -> Range:
        return within(self.margin)

    def relation(self, one: str, other: str) -> str:
        return f"{one} and {other} differ by less than {self.margin:.0%}"


@dataclass(frozen=True)
class NoWorse(Pairs):
    """The first arm is worse than the other by less than the margin, or better."""

    kind = "no worse"

    @property
    def claimed(self) -> Range:
        return within(self.margin)[0], math.inf

    def relation(self, one: str, other: str) -> str:
        return f"{one} is at most {self.margin:.0%} worse than {other}"


@dataclass(frozen=True)
class SmallerEffect(Kind):
    """A change matters less to one pair of arms than to another, whichever way it acts on it."""

    kind: ClassVar[str] = "smaller effect"
    study: str
    less: tuple[str, str]  # (without, with) the change
    more: tuple[str, str]  # the same, of the pair that gains by it
    metric: str | None = None
    settings: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[str, ...]:
        return *self.more, *self.less

    @property
    def says(self) -> str:
        return f"{self.less[0]} to {self.less[1]} changes less than {self.more[0]} to {self.more[1]}"

    def comparisons(self, scale: str) -> int:
        return 2

    def contrasts(self, sheets: Mapping[str, Sheet]) -> list[Contrast]:
        """|less| < more is both -less < more and less < more."""

        def over(sign: float) -> Callable[[Array], Array]:
            return lambda logs: (logs[:, 0] - logs[:, 1]) - sign * (logs[:, 2] - logs[:, 3])

        return [
            contrast
            for sign, which in ((1.0, "gain"), (-1.0, "loss"))
            for contrast in by_seed(
                self, sheets, self.arms, over(sign), ABOVE, f"{self.says} ({which})", "ratio of ratios"
            )
        ]

    def printed(self, study: Study) -> list[Printed]:
        columns = printed_columns(study, self.arms, self.metric)
        return [
            Printed(
                self.says,
                f"{name}: ratio {c / d:.2f} against {a / b:.2f}",
                max(c / d, d / c) < max(a / b, b / a),
            )
            for name, (a, b, c, d) in columns.items()
        ]


@dataclass(frozen=True)
class MattersLess(Kind):
    """A change matters less, the better what is changed: over pairs of arms (without, with the change).

    Strength is the mean of a pair's two values: by one of them alone, its chance would stand in both ranks. What is
    twice as good and loses half as much loses as much of its own: a claim asks both by ratio and by difference.
    """

    kind: ClassVar[str] = "trend"
    study: str
    pairs: tuple[tuple[str, str], ...]
    by: Literal["ratio", "difference"]  # how what the change does is counted
    metric: str | None = None
    settings: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(arm for pair in self.pairs for arm in pair)

    @property
    def says(self) -> str:
        without, changed = self.pairs[0]
        return f"the better an arm, the less such a change as {without} to {changed} does to it, by {self.by}"

    def contrasts(self, sheets: Mapping[str, Sheet]) -> list[Contrast]:
        def ranked(logs: Array) -> Array:
            values = logs if self.by == "ratio" else np.exp(logs)
            without, changed = values[:, ::2], values[:, 1::2]
            return untied((without + changed) / 2, np.abs(changed - without))

        made = by_seed(self, sheets, self.arms, ranked, ABOVE, self.says, RHO)
        return [replace(contrast, of_more_arms=True) for contrast in made]


@dataclass(frozen=True)
class GainGrows(Kind):
    """The gain of one arm over another is larger in the second setting of a pair than in the first."""

    kind: ClassVar[str] = "larger effect"
    joins: ClassVar[bool] = True
    study: str
    better: str
    worse: str
    pairs: tuple[tuple[str, str], ...]  # of settings: (smaller, larger), of the same data
    columns: tuple[str, str]  # of the paper: (smaller, larger)
    metric: str | None = None

    @property
    def arms(self) -> tuple[str, str]:
        return self.worse, self.better

    @property
    def settings(self) -> tuple[str, ...]:
        return tuple(setting for pair in self.pairs for setting in pair)

    @property
    def says(self) -> str:
        return f"the gain of {self.better} over {self.worse} grows with the number of tokens"

    def contrasts(self, sheets: Mapping[str, Sheet]) -> list[Contrast]:
        recorded = [
            (sheets[small], sheets[large]) for small, large in self.pairs if {small, large} <= sheets.keys()
        ]
        return [
            contrast
            for small, large in recorded
            for metric, decides in deciding(large, self.metric)
            if (contrast := self._contrast(small, large, metric, decides)) is not None
        ]

    def _contrast(self, small: Sheet, large: Sheet, metric: str, decides: bool) -> Contrast | None:
        gains: list[dict[int, float]] = []
        behind: tuple[str, ...] = ()
        for sheet in (small, large):
            logs = oriented_logs(sheet, self.arms, metric)
            if logs is None:
                return None
            gains.append(dict(zip(logs[0], logs[1][:, 0] - logs[1][:, 1], strict=True)))
            behind += identities(sheet, self.arms, logs[0])
        seeds = sorted(gains[0].keys() & gains[1].keys())
        samples = tuple((float(gains[1][seed] - gains[0][seed]),) for seed in seeds)
        if not samples:
            return None
        setting = f"{small.setting} to {large.setting}"
        unlearned = why_unlearned(small, metric) or why_unlearned(large, metric)
        return contrast_on(
            large, self.says, metric, "ratio of ratios", samples, ABOVE, decides, behind, setting, unlearned
        )

    def printed(self, study: Study) -> list[Printed]:
        columns = printed_columns(study, self.arms, self.metric)
        groups = [[name for name in columns if paper_metric(name)[0] == group] for group in self.columns]
        made = []
        for small, large in zip(*groups, strict=True):
            before, after = (columns[name][0] / columns[name][1] for name in (small, large))
            made.append(
                Printed(self.says, f"{small}: ratio {before:.2f}; {large}: ratio {after:.2f}", after > before)
            )
        return made

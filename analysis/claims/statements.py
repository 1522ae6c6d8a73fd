"""The kinds of statement that claims are made of, each a predicate over records and over the paper's numbers.

Qualities are compared as ratios, seed by seed: the logarithms of two arms' values are paired and their difference
has Student's t interval. So 1.20 means the same at every scale and in the paper, whatever the metric's size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from analysis.agreement import matrix, metric_names
from analysis.claims.claim import Printed, Statement, Tested, verdict_of
from analysis.metrics import QUALITY, find_metric, main_metric, paper_metric
from analysis.records import Sheet
from analysis.stats import Array, Interval, line_slope, mean_over_seeds, paired, spearman, welch
from studies.declare.study import Study

LOSS = "held_out_loss"
ABOVE = math.inf


def judging_metrics(sheet: Sheet, metric: str | None) -> list[tuple[str, bool]]:
    """By which metrics a sheet is judged, and which of them decides: the distance, with the loss beside it."""
    names = metric_names(sheet)
    if metric is not None:
        return [(metric, True)] if metric in names else []
    main = main_metric(names)
    if main is None:
        return []
    return [(main, True)] + ([(LOSS, False)] if LOSS in names and main != LOSS else [])


def identities(sheet: Sheet, arms: Sequence[str], seeds: Sequence[int]) -> tuple[str, ...]:
    """The records of some arms and seeds."""
    wanted = set(seeds)
    return tuple(r["identity"] for arm in arms for r in sheet.done(arm) if r["seed"] in wanted)


def _logs(sheet: Sheet, arms: Sequence[str], metric: str) -> tuple[list[int], Array] | None:
    """Seeds, and logarithms of the arms' values oriented so that lower is better; None without common seeds."""
    if any(arm not in sheet.arms for arm in arms):
        return None
    seeds, values = matrix(sheet, list(arms), metric)
    if not len(values) or not (values > 0).all():
        return None
    sign = -1.0 if find_metric(metric).better == "higher" else 1.0
    return seeds, sign * np.log(values)


def _tested(
    statement: Statement,
    sheet: Sheet,
    metric: str,
    measure: str,
    found: Interval,
    wanted: tuple[float, float],
    records: Sequence[str],
    n: int,
    *,
    main: bool = True,
    setting: str = "",
    effect: float = math.nan,
    p: float = math.nan,
) -> Tested:
    return Tested(
        says=statement.says,
        scale=sheet.scale,
        setting=setting or sheet.setting,
        metric=metric,
        measure=measure,
        value=found.value,
        low=found.low,
        high=found.high,
        wanted=wanted,
        effect=effect,
        p=p,
        n=n,
        verdict=verdict_of(found.low, found.high, wanted),
        main=main,
        records=tuple(records),
    )


def _ratios(
    statement: Statement,
    sheets: Mapping[str, Sheet],
    arms: Sequence[str],
    gain: Callable[[Array], Array],
    wanted: tuple[float, float] = (1.0, ABOVE),
    metric: str | None = None,
    measure: str = "ratio",
) -> list[Tested]:
    """`gain` of the logarithms (seeds, arms) is a difference per seed; its mean is shown as a ratio.

    A counted quantity needs no second seed.
    """
    found = []
    for sheet in sheets.values():
        for name, main in judging_metrics(sheet, metric):
            logs = _logs(sheet, arms, name)
            if logs is None:
                continue
            gains = list(gain(logs[1]))
            mean = paired(gains, [0.0] * len(gains))
            ends = (mean.difference, mean.low, mean.high)
            if find_metric(name).exact and len(gains) == 1:
                ends = (mean.difference,) * 3
            ratio = Interval(*(math.exp(x) for x in ends))
            behind = identities(sheet, arms, logs[0])
            found.append(
                _tested(
                    statement,
                    sheet,
                    name,
                    measure,
                    ratio,
                    wanted,
                    behind,
                    mean.n,
                    main=main,
                    effect=mean.effect,
                    p=mean.p,
                )
            )
    return found


def _printed_columns(study: Study, arms: Sequence[str], only: Sequence[str]) -> dict[str, list[float]]:
    """The paper's columns that have a number of every one of the arms; none where two arms stand for one row."""
    if any(study.second_readings.get(arm) in arms for arm in arms):
        return {}
    paper = {arm.name: arm.paper for arm in study.arms}
    columns = dict.fromkeys(c for arm in arms for c in paper.get(arm, {}) if paper_metric(c)[1] in only)
    return {
        column: [paper[arm][column] for arm in arms]
        for column in columns
        if all(column in paper.get(arm, {}) for arm in arms)
    }


@dataclass(frozen=True)
class Better:
    """One arm is better than another; `metric` names a cost, otherwise the quality of samples is meant."""

    study: str
    better: str
    worse: str
    metric: str | None = None
    at_least: float = 1.0  # the ratio that the claim's words ask for ("significantly less": more than 1)

    @property
    def says(self) -> str:
        by = f" in {self.metric}" if self.metric else ""
        return f"{self.better} is better than {self.worse}{by}"

    def ours(self, sheets: Mapping[str, Sheet]) -> list[Tested]:
        wanted = (self.at_least, ABOVE)
        arms = [self.worse, self.better]
        return _ratios(self, sheets, arms, lambda logs: logs[:, 0] - logs[:, 1], wanted, self.metric)

    def printed(self, study: Study) -> list[Printed]:
        only = (find_metric(self.metric).column,) if self.metric else QUALITY
        return [
            Printed(self.says, f"{column}: {better} and {worse}, ratio {worse / better:.2f}", worse > better)
            for column, (better, worse) in _printed_columns(study, [self.better, self.worse], only).items()
        ]


@dataclass(frozen=True)
class GainGrows:
    """The gain of one arm over another is larger in the second setting of a pair than in the first."""

    study: str
    better: str
    worse: str
    settings: tuple[tuple[str, str], ...]  # (smaller, larger), of the same data
    columns: tuple[str, str]  # of the paper: (smaller, larger)

    @property
    def says(self) -> str:
        return f"the gain of {self.better} over {self.worse} grows with the number of tokens"

    def ours(self, sheets: Mapping[str, Sheet]) -> list[Tested]:
        return [
            tested
            for small, large in self.settings
            if small in sheets and large in sheets
            for tested in self._pair(sheets[small], sheets[large])
        ]

    def _pair(self, small: Sheet, large: Sheet) -> list[Tested]:
        found = []
        for metric, main in judging_metrics(large, None):
            gains: list[list[float]] = []
            behind: list[str] = []
            for sheet in (large, small):
                logs = _logs(sheet, [self.worse, self.better], metric)
                if logs is None:
                    break
                gains.append(list(logs[1][:, 0] - logs[1][:, 1]))
                behind += identities(sheet, [self.worse, self.better], logs[0])
            if len(gains) < 2:
                continue
            apart = welch(*gains)
            ratio = Interval(*(math.exp(x) for x in (apart.value, apart.low, apart.high)))
            pair, n = f"{small.setting} to {large.setting}", min(map(len, gains))
            found.append(
                _tested(
                    self,
                    large,
                    metric,
                    "ratio of ratios",
                    ratio,
                    (1.0, ABOVE),
                    behind,
                    n,
                    main=main,
                    setting=pair,
                )
            )
        return found

    def printed(self, study: Study) -> list[Printed]:
        columns = _printed_columns(study, [self.worse, self.better], QUALITY)
        found = []
        for small, large in zip(
            *[[c for c in columns if paper_metric(c)[0] == g] for g in self.columns], strict=True
        ):
            gains = [columns[name][0] / columns[name][1] for name in (small, large)]
            found.append(
                Printed(
                    self.says,
                    f"{small}: ratio {gains[0]:.2f}; {large}: ratio {gains[1]:.2f}",
                    gains[1] > gains[0],
                )
            )
        return found


@dataclass(frozen=True)
class SmallerEffect:
    """A change matters less to one pair of arms than to another."""

    study: str
    less: tuple[str, str]  # (without, with) the change
    more: tuple[str, str]

    @property
    def says(self) -> str:
        return f"{self.less[0]} to {self.less[1]} changes less than {self.more[0]} to {self.more[1]}"

    def ours(self, sheets: Mapping[str, Sheet]) -> list[Tested]:
        arms = [*self.more, *self.less]
        return _ratios(
            self, sheets, arms, lambda v: (v[:, 0] - v[:, 1]) - (v[:, 2] - v[:, 3]), measure="ratio of ratios"
        )

    def printed(self, study: Study) -> list[Printed]:
        columns = _printed_columns(study, [*self.more, *self.less], QUALITY)
        return [
            Printed(self.says, f"{name}: ratio {c / d:.2f} against {a / b:.2f}", c / d < a / b)
            for name, (a, b, c, d) in columns.items()
        ]


@dataclass(frozen=True)
class Alike:
    """Two arms are the same to within a margin, declared before looking."""

    study: str
    one: str
    other: str
    margin: float = 0.05
    metric: str | None = None

    @property
    def says(self) -> str:
        return f"{self.one} and {self.other} differ by less than {self.margin:.0%}"

    @property
    def wanted(self) -> tuple[float, float]:
        return 1 / (1 + self.margin), 1 + self.margin

    def ours(self, sheets: Mapping[str, Sheet]) -> list[Tested]:
        arms = [self.one, self.other]
        return _ratios(self, sheets, arms, lambda logs: logs[:, 0] - logs[:, 1], self.wanted, self.metric)

    def printed(self, study: Study) -> list[Printed]:
        only = (find_metric(self.metric).column,) if self.metric else QUALITY
        low, high = self.wanted
        return [
            Printed(self.says, f"{name}: {a} and {b}, ratio {a / b:.2f}", low <= a / b <= high)
            for name, (a, b) in _printed_columns(study, [self.one, self.other], only).items()
        ]


@dataclass(frozen=True)
class Trend:
    """A quality or cost follows a power of a quantity that the arms have: the exponent lies in `wanted`."""

    study: str
    arms: tuple[tuple[str, float], ...]  # arm, and what it has of the quantity
    of: str  # the quantity
    wanted: tuple[float, float]
    metric: str | None = None

    @property
    def says(self) -> str:
        meant = "better" if self.wanted[1] <= 0 else "worse" if self.wanted[0] >= 0 else "hardly other"
        by = f" in {self.metric}" if self.metric else ""
        return f"{self.arms[0][0]} to {self.arms[-1][0]}: {meant} with {self.of}{by}"

    def ours(self, sheets: Mapping[str, Sheet]) -> list[Tested]:
        found = []
        arms = [arm for arm, _ in self.arms]
        x = [math.log(quantity) for _, quantity in self.arms]
        for sheet in sheets.values():
            for metric, main in judging_metrics(sheet, self.metric):
                logs = _logs(sheet, arms, metric)
                if logs is None:
                    continue
                fit, n, effect, p = _exponent(x, logs[1], find_metric(metric).exact)
                behind = identities(sheet, arms, logs[0])
                found.append(
                    _tested(
                        self,
                        sheet,
                        metric,
                        "exponent",
                        fit,
                        self.wanted,
                        behind,
                        n,
                        main=main,
                        effect=effect,
                        p=p,
                    )
                )
        return found

    def printed(self, study: Study) -> list[Printed]:
        return []  # Figures 6, 7, 11 and 13 are plots without numbers


def _exponent(x: Sequence[float], values: Array, exact: bool) -> tuple[Interval, int, float, float]:
    """Slope over x with an interval over seeds, or of one seed's fit; n, effect and p."""
    slopes = [line_slope(x, list(row)).value for row in values]
    if len(slopes) == 1:
        fit = line_slope(x, list(values[0]))
        if exact:
            fit = Interval(fit.value, fit.value, fit.value)
        return fit, len(x), math.nan, math.nan
    found = paired(slopes, [0.0] * len(slopes))
    return Interval(found.difference, found.low, found.high), len(slopes), found.effect, found.p


@dataclass(frozen=True)
class Scaling:
    """How a cost grows with the number of tokens, over the settings of a study (grids such as `32x32`).

    With `against`, how the ratio of that arm's cost to this one's grows. The exponent lies in `wanted`.
    """

    study: str
    arm: str
    metric: str
    wanted: tuple[float, float]
    against: str | None = None

    @property
    def says(self) -> str:
        if self.against:
            return f"{self.metric} of {self.against} over that of {self.arm} grows with the tokens"
        low, high = self.wanted
        meant = f"between {low:g} and {high:g}" if math.isfinite(high) else f"above {low:g}"
        return f"{self.metric} of {self.arm} grows with the tokens to a power {meant}"

    def ours(self, sheets: Mapping[str, Sheet]) -> list[Tested]:
        arms = [self.against, self.arm] if self.against else [self.arm]
        points: list[tuple[float, float]] = []
        behind: list[str] = []
        grids = [sheet for sheet in sheets.values() if _tokens(sheet.setting)]
        for sheet in grids:
            logs = _logs(sheet, arms, self.metric)
            if logs is None:
                continue
            means = logs[1].mean(axis=0)
            y = float(means[0] - means[1]) if self.against else float(means[0])
            points.append((math.log(_tokens(sheet.setting)), y))
            behind += identities(sheet, arms, logs[0])
        if len(points) < 3:
            return []
        fit = line_slope(*map(list, zip(*points, strict=True)))
        said = f"{len(points)} grids"
        return [
            _tested(
                self, grids[0], self.metric, "exponent", fit, self.wanted, behind, len(points), setting=said
            )
        ]

    def printed(self, study: Study) -> list[Printed]:
        return []  # Figure 6 is a plot without numbers


def _tokens(setting: str) -> int:
    """Tokens of a grid such as `32x32`; 0 where the setting is none."""
    sides = setting.split("x")
    return math.prod(map(int, sides)) if len(sides) > 1 and all(s.isdecimal() for s in sides) else 0


@dataclass(frozen=True)
class SameOrder:
    """Two metrics put a study's arms in the same order: the rank correlation within a seed is above 0."""

    study: str
    one: str = LOSS
    arms: tuple[str, ...] = field(default=())

    @property
    def says(self) -> str:
        return "the held-out loss and the distance of the samples put the arms in the same order"

    def ours(self, sheets: Mapping[str, Sheet]) -> list[Tested]:
        found = []
        for sheet in sheets.values():
            main = main_metric(metric_names(sheet))
            arms = [
                a
                for a in (self.arms or sheet.arms)
                if main and sheet.values(a, main) and sheet.values(a, LOSS)
            ]
            if main is None or main == self.one or len(arms) < 3:
                continue
            seeds, distances = matrix(sheet, arms, main)
            others, losses = matrix(sheet, arms, self.one)
            if not seeds or seeds != others:
                continue
            rho = [float(spearman(a, b)) for a, b in zip(distances, losses, strict=True)]
            mean = mean_over_seeds([r for r in rho if not math.isnan(r)] or [math.nan])
            low, high = mean.mean - mean.half_width, min(1.0, mean.mean + mean.half_width)
            found.append(
                _tested(
                    self,
                    sheet,
                    f"{self.one} and {main}",
                    "Spearman's rho",
                    Interval(mean.mean, low, high),
                    (0.0, ABOVE),
                    identities(sheet, arms, seeds),
                    mean.n,
                )
            )
        return found

    def printed(self, study: Study) -> list[Printed]:
        return []  # Figure 14 is a plot without numbers


def chain(study: str, *arms: str, metric: str | None = None) -> tuple[Better, ...]:
    """Each arm is better than the next: `chain(study, "best", "middle", "worst")`."""
    return tuple(Better(study, better, worse, metric) for better, worse in pairwise(arms))

"""A metric of an arm in two sets of records: paired by the seeds that both have, else as independent samples."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

from analysis.metrics import find_metric
from analysis.records import TIMED, Protocol, key, protocols_of
from analysis.records.current import one_set, when
from analysis.records.keys import differences, in_words
from analysis.records.protocol import MACHINE
from analysis.stats import ALPHA, Interval, SeedMean, holm, mean_over_seeds, paired, welch, welch_p
from studies.declare.changes import SCAN_PATHS
from studies.declare.registry import studies
from studies.run.record import Record
from zigma.common.words import counted

Word = Literal["better", "worse", "no difference shown", "identical", "one seed", "other", "not comparable"]
Sides = tuple[Sequence[Record], Sequence[Record]]
NONE = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Compared:
    """A metric of one arm in both sets."""

    label: str
    metric: str
    a: SeedMean
    b: SeedMean
    ratio: Interval = NONE  # b over a, of the pairs where there are any
    effect: float = math.nan  # Hedges' g of the pairs
    p: float = math.nan  # Holm-corrected for the metric's rows
    pairs: int = 0
    word: Word = "other"
    note: str = ""


def compare_metric(rows: Mapping[str, Sides], name: str) -> list[Compared]:
    """A metric in every row that has it on both sides, p values corrected for their number (Holm)."""
    compared = [item for label, sides in rows.items() if (item := _compare(label, name, *sides)) is not None]
    ps = holm([item.p for item in compared])
    return [item if math.isnan(p) else _with_word(item, p) for item, p in zip(compared, ps, strict=True)]


def _compare(label: str, name: str, a: Sequence[Record], b: Sequence[Record]) -> Compared | None:
    having = [[r for r in side if r["status"] == "done" and r.metric(name) is not None] for side in (a, b)]
    if not all(having):
        return None
    kept, others = _one_configuration(having)
    rows = [one_set(side, {}) for side in kept]
    sides = [
        {r["seed"]: float(m["value"]) for r in row.current if (m := r.metric(name)) is not None}
        for row in rows
    ]
    notes = others + [
        f"{side}: seed {record['seed']} left out: {why}"
        for side, row in zip("AB", rows, strict=True)
        for record, why in row.stale
    ]
    means = [mean_over_seeds(list(side.values())) for side in sides]
    bare = Compared(label, name, means[0], means[1], note="; ".join(notes))
    protocols = [_rules(row.current, name) for row in rows]
    if len(set(protocols[0]) | set(protocols[1])) > 1:
        return replace(bare, word="not comparable", note="; ".join([_apart(protocols), *notes]))
    if sides[0] == sides[1]:
        return replace(bare, ratio=_ratio_of_means(bare), word="identical")
    return _tested(bare, sides[0], sides[1], notes)


def _one_configuration(sides: Sequence[Sequence[Record]]) -> tuple[list[list[Record]], list[str]]:
    """Of each side the records of one configuration, and a note of those left out.

    The two are those that differ least from each other; of equally near ones, those of the latest records.
    """
    by: list[dict[str, list[Record]]] = []
    for side in sides:
        of_side: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(side, key=when, reverse=True):
            of_side[key(record["config"])].append(record)
        by.append(of_side)  # the latest configuration first

    def apart(pair: tuple[str, ...]) -> int:
        one, other = (of[k][0]["config"] for of, k in zip(by, pair, strict=True))
        return len(differences(one, other))

    nearest = min(product(*by), key=apart)  # of equal ones the first
    notes = []
    for letter, of_side, chosen in zip("AB", by, nearest, strict=True):
        for other, records in of_side.items():
            if other != chosen:
                changed = differences(records[0]["config"], of_side[chosen][0]["config"])
                how = in_words(changed, "{} {}, not {}")
                notes.append(f"{letter}: {counted(len(records), 'record')} left out: {how}")
    kept = [of_side[chosen] for of_side, chosen in zip(by, nearest, strict=True)]
    apart_still = _beyond_what_is_compared(kept[0][0], kept[1][0])
    if apart_still:
        notes.append(f"A and B differ in {in_words(apart_still, '{} {} and {}')}")
    return kept, notes


def _beyond_what_is_compared(a: Record, b: Record) -> dict[str, tuple[Any, Any]]:
    """What differs between two configurations beside what their names say: scale and setting, or the arm.

    An arm that is declared says what it changes, one of a curve of the user's own its scan.
    """
    if (a["scale"], a["setting"]) != (b["scale"], b["setting"]):
        return {}
    said = set(SCAN_PATHS)
    for record in (a, b):
        study = studies().get(record["study"])
        arms = [] if study is None else [arm for arm in study.arms if arm.name == record["arm"]]
        said |= {path for arm in arms for each in (arm.changes, *arm.at.values()) for path in each}
    return {
        path: both
        for path, both in differences(a["config"], b["config"]).items()
        if not any(path == each or path.startswith(f"{each}.") for each in said)
    }


def _tested(bare: Compared, a: Mapping[int, float], b: Mapping[int, float], notes: list[str]) -> Compared:
    """With p not yet corrected."""
    logs = all(value > 0 for side in (a, b) for value in side.values())
    seeds = sorted(a.keys() & b.keys())
    if len(seeds) >= 2:
        alone = [
            f"{side}'s {sorted(of - set(seeds))}"
            for side, of in (("A", a.keys()), ("B", b.keys()))
            if of - set(seeds)
        ]
        if alone:
            notes = [*notes, f"paired over seeds {seeds}; left out: {', '.join(alone)}"]
        test = paired(*[[_log(side[seed], logs) for seed in seeds] for side in (b, a)])
        ratio = test.interval.exp if logs else NONE
        return replace(
            bare, ratio=ratio, effect=test.effect, p=test.p, pairs=len(seeds), note="; ".join(notes)
        )
    if min(len(a), len(b)) < 2:
        return replace(bare, ratio=_ratio_of_means(bare) if logs else NONE, word="one seed")
    values = [[_log(value, logs) for value in side.values()] for side in (b, a)]
    ratio = welch(*values).exp if logs else NONE
    notes = [*notes, "other seeds, so not paired"]
    return replace(bare, ratio=ratio, p=welch_p(*values), note="; ".join(notes))


def _ratio_of_means(bare: Compared) -> Interval:
    return Interval(bare.b.mean / bare.a.mean, math.nan, math.nan) if bare.a.mean > 0 < bare.b.mean else NONE


def _log(value: float, logs: bool) -> float:
    return math.log(value) if logs else value


def _with_word(item: Compared, p: float) -> Compared:
    if p >= ALPHA:
        return replace(item, p=p, word="no difference shown")
    better = find_metric(item.metric).better
    if better == "neither":
        return replace(item, p=p, word="other")
    if not math.isnan(item.ratio.value):
        lower = item.ratio.value < 1
    else:  # of the pairs, where there are any: the means may be over other seeds
        lower = item.effect < 0 if item.pairs else item.b.mean < item.a.mean
    return replace(item, p=p, word="better" if lower == (better == "lower") else "worse")


def _rules(records: Sequence[Record], name: str) -> list[Protocol]:
    """The protocols of a metric's values; where timings were made may differ, that is what is compared."""
    rules = protocols_of(records, name)
    return list(dict.fromkeys(rule.without(MACHINE) for rule in rules)) if name in TIMED else rules


def _apart(protocols: Sequence[Sequence[Protocol]]) -> str:
    """What differs between the rules of two sides."""
    a, b = (Protocol(tuple(sorted({rule for p in side for rule in p.rules}))) for side in protocols)
    return f"A by {a.beside(b)}; B by {b.beside(a)}"

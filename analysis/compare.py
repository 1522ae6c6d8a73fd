"""`python -m analysis compare A B`: two sets of records side by side, with differences and significance."""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from analysis.metrics import find_metric, in_order
from analysis.options import say_faults, terminal_width
from analysis.records import TIMED, Protocol, Records, Source, key, load, protocols_of
from analysis.records.protocol import MACHINE
from analysis.render import markdown, terminal
from analysis.stats import SeedMean, holm, mean_over_seeds, paired, welch
from analysis.table import Cell, Column, Part, Table
from studies.run.record import Record
from zigma.common.words import WordError, results_folder, unknown

ALPHA = 0.05
PLACE = ("study", "scale", "setting", "arm")
ENVIRONMENT = ("commit", "device", "device_kind", "scan_backend", "torch")
KEYS = ("results", "source", *PLACE, *ENVIRONMENT)
Word = Literal["better", "worse", "no difference shown", "identical", "one seed", "other", "not comparable"]
HELP = """A and B are each a results folder, or conditions joined by commas, or both:

  compare results ../other-machine/results            this machine and another
  compare commit=1a2b3c4 commit=5d6e7f8               before and after a change
  compare arm=my-spiral-8 arm=zigzag-8                a curve of yours and the paper's
  compare results,scale=tiny results,scale=small      two scales, arm by arm
  compare source=published source=own                 what ships with the project and your own
"""


@dataclass(frozen=True)
class Selection:
    """A set of records: those of a folder that meet every condition."""

    text: str
    conditions: Mapping[str, str]

    @property
    def results(self) -> Path:
        return Path(self.conditions.get("results", "results"))

    @property
    def pinned(self) -> set[str]:
        return set(self.conditions) & set(PLACE)


@dataclass(frozen=True)
class Compared:
    """A metric of one arm in both sets."""

    label: str
    metric: str
    a: SeedMean
    b: SeedMean
    ratio: float = math.nan  # b over a
    low: float = math.nan
    high: float = math.nan
    effect: float = math.nan  # Hedges' g of the pairs
    p: float = math.nan  # Holm-corrected for the metric's rows
    word: Word = "other"
    note: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = HELP
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument(
        "--metric", action="append", metavar="NAME", help="only this metric; may be given again"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it as Markdown too")


def run(args: argparse.Namespace) -> int:
    """Print the comparison."""
    selections = [parse(args.a), parse(args.b)]
    chosen = [select(selection) for selection in selections]
    table = comparison(selections, chosen, args.metric)
    print(terminal(table, terminal_width()))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(markdown(table), encoding="utf-8")
        print(f"written to {args.out}", file=sys.stderr)
    return 0


def parse(text: str) -> Selection:
    """`results,scale=tiny` as a selection.

    Raises:
        WordError: an unknown condition, or a folder that is not there.
    """
    conditions: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = "results", part
        if name not in KEYS:
            raise unknown("condition", name, KEYS)
        if name in conditions:
            raise WordError(f"{text}: {name} stands twice")
        conditions[name] = value
    selection = Selection(text, conditions)
    if not results_folder(str(selection.results)).is_dir():
        raise WordError(f"{text}: there is no folder {selection.results}")
    if conditions.get("source", "all") not in get_args(Source):
        raise unknown("source", conditions["source"], get_args(Source))
    return selection


def select(selection: Selection) -> Records:
    """The records of a selection.

    Raises:
        WordError: there is none; says what the folder has for the condition that nothing meets.
    """
    source: Any = selection.conditions.get("source", "all")
    records = load(selection.results, source)
    say_faults(records)
    left: list[Record] = list(records)
    for name, value in selection.conditions.items():
        if name in ("results", "source"):
            continue
        known = sorted({_value(record, name) for record in left})
        left = [record for record in left if _meets(record, name, value)]
        if not left:
            raise WordError(
                f"{selection.text}: no record has {name}={value}; known: {', '.join(known) or 'none'}"
            )
    if not left:
        raise WordError(f"{selection.text}: no records below {selection.results}")
    return Records(left)


def _value(record: Record, name: str) -> str:
    return str(record[name] if name in PLACE else record["environment"].get(name))


def _meets(record: Record, name: str, value: str) -> bool:
    """A commit and a device are met by their beginning or a part: their names are long."""
    found = _value(record, name)
    return value.lower() in found.lower() if name in ("device", "commit") else found == value


def comparison(
    selections: Sequence[Selection], chosen: Sequence[Records], metrics: Sequence[str] | None = None
) -> Table:
    """The two sets as a table with a part per metric.

    Raises:
        WordError: no arm is in both, or one side has two settings for a row of the other.
    """
    pinned = selections[0].pinned | selections[1].pinned
    if "scale" in pinned:
        pinned.add("setting")  # the data sets of another scale have other names
    rows = _rows(chosen, pinned)
    both = {label: sides for label, sides in rows.items() if all(sides)}
    if not both:
        raise WordError(
            f"{selections[0].text} and {selections[1].text} have no study and arm in common: "
            + "; ".join(f"{s.text} has {_has(c)}" for s, c in zip(selections, chosen, strict=True))
        )
    names = in_order(
        m["name"] for sides in both.values() for side in sides for r in side for m in r["metrics"]
    )
    for name in metrics or ():
        if name not in names:
            raise unknown("metric", name, names)
    parts = [_part(name, compare_metric(both, name)) for name in metrics or names]
    alone = [label for label, sides in rows.items() if not all(sides)]
    notes = [*_origins(selections, chosen)]
    if alone:
        more = f" and {len(alone) - 6} more" if len(alone) > 6 else ""
        notes.append(f"in one of the two only: {', '.join(alone[:6])}{more}")
    caption = f"A: {selections[0].text}; B: {selections[1].text}"
    return Table(
        "Comparison",
        "comparison",
        caption,
        tuple(part for part in parts if part.rows or part.notes),
        tuple(notes),
    )


def _rows(chosen: Sequence[Records], pinned: set[str]) -> dict[str, tuple[list[Record], list[Record]]]:
    """Row's name -> the records of A and of B. A run that two studies share has one name, whichever ran it."""
    names: dict[str, tuple[str, ...]] = {}
    for record in sorted((r for records in chosen for r in records), key=_place):
        names.setdefault(key(record["config"]), _place(record))
    shown = [i for i, field in enumerate(PLACE) if field not in pinned]
    rows: dict[str, tuple[list[Record], list[Record]]] = defaultdict(lambda: ([], []))
    settings: dict[tuple[str, int], set[tuple[str, ...]]] = defaultdict(set)
    for side, records in enumerate(chosen):
        for record in records:
            place = _place(record) if pinned else names[key(record["config"])]
            label = " ".join(place[i] for i in shown) or "all"
            rows[label][side].append(record)
            settings[label, side].add(place[1:3])
    for (label, side), found in settings.items():
        if len(found) > 1 and all(rows[label]):
            known = ", ".join(" ".join(place) for place in sorted(found))
            raise WordError(f"{'AB'[side]} has several of {label}: {known}; add scale=... and setting=...")
    return dict(rows)


def _place(record: Record) -> tuple[str, ...]:
    return tuple(str(record[field]) for field in PLACE)


def _has(records: Records) -> str:
    return ", ".join(dict.fromkeys(f"{r['study']} {r['arm']}" for r in records[:6])) + (
        ", ..." if len(records) > 6 else ""
    )


def compare_metric(rows: Mapping[str, tuple[list[Record], list[Record]]], name: str) -> list[Compared]:
    """A metric in every row that has it on both sides, p values corrected for their number (Holm)."""
    found = [_compare(label, name, *sides) for label, sides in rows.items()]
    known = [item for item in found if item is not None]
    tested = [i for i, item in enumerate(known) if not math.isnan(item.p)]
    for i, p in zip(tested, holm([known[i].p for i in tested]), strict=True):
        known[i] = _judged(known[i], p)
    return known


def _compare(label: str, name: str, a: Sequence[Record], b: Sequence[Record]) -> Compared | None:
    sides = [_by_seed(records, name) for records in (a, b)]
    if not all(sides):
        return None
    protocols = [_rules(records, name) for records in (a, b)]
    values = [list(side.values()) for side in sides]
    logs = all(value > 0 for side in values for value in side)
    bare = Compared(label, name, mean_over_seeds(values[0]), mean_over_seeds(values[1]))
    if len(set(protocols[0]) | set(protocols[1])) > 1:
        return replace(bare, word="not comparable", note=_apart(protocols))
    if logs:
        bare = replace(bare, ratio=bare.b.mean / bare.a.mean)
    if sides[0] == sides[1]:
        return replace(bare, word="identical")
    seeds = sorted(sides[0].keys() & sides[1].keys())
    if len(seeds) >= 2 and len(seeds) == max(map(len, values)):
        found = paired(*[[_log(side[seed], logs) for seed in seeds] for side in reversed(sides)])
        ends = [math.exp(x) if logs else math.nan for x in (found.difference, found.low, found.high)]
        return replace(bare, ratio=ends[0], low=ends[1], high=ends[2], effect=found.effect, p=found.p)
    if min(map(len, values)) < 2:
        return replace(bare, word="one seed")
    between = welch(*[[_log(value, logs) for value in side] for side in reversed(values)])
    low, high = (math.exp(between.low), math.exp(between.high)) if logs else (math.nan, math.nan)
    return replace(bare, low=low, high=high, p=_welch_p(values, logs), note="other seeds, so not paired")


def _log(value: float, logs: bool) -> float:
    return math.log(value) if logs else value


def _welch_p(values: Sequence[Sequence[float]], logs: bool) -> float:
    from scipy.stats import ttest_ind

    a, b = ([_log(value, logs) for value in side] for side in values)
    if np.ptp(a) == 0.0 == np.ptp(b):
        return 1.0 if a[0] == b[0] else 0.0
    return float(ttest_ind(a, b, equal_var=False).pvalue)


def _judged(item: Compared, p: float) -> Compared:
    if p >= ALPHA:
        return replace(item, p=p, word="no difference shown")
    better = find_metric(item.metric).better
    if better == "neither":
        return replace(item, p=p, word="other")
    falls = item.b.mean < item.a.mean
    return replace(item, p=p, word="better" if falls == (better == "lower") else "worse")


def _by_seed(records: Iterable[Record], name: str) -> dict[int, float]:
    done = sorted((r for r in records if r["status"] == "done"), key=lambda r: r["seed"])
    return {r["seed"]: float(m["value"]) for r in done if (m := r.metric(name)) is not None}


def _rules(records: Iterable[Record], name: str) -> list[Protocol]:
    """The protocols of a metric's values; where timings were made may differ, that is what is compared."""
    rules = protocols_of(records, name)
    return list(dict.fromkeys(rule.without(MACHINE) for rule in rules)) if name in TIMED else rules


def _apart(protocols: Sequence[Sequence[Protocol]]) -> str:
    """What differs between the rules of two sides."""
    a, b = (Protocol(tuple(sorted({rule for p in side for rule in p.rules}))) for side in protocols)
    return f"A by {a.beside(b)}; B by {b.beside(a)}"


def _part(name: str, rows: Sequence[Compared]) -> Part:
    metric = find_metric(name)
    columns = (
        Column(metric.head(name), "A", metric.better, name),
        Column(metric.head(name), "B", metric.better, name),
        Column("B against A", "ratio", "neither"),
        Column("B against A", "g", "neither"),
        Column("B against A", "p", "neither"),
        Column("B against A", "verdict", "neither"),
    )
    shown = [row for row in rows if row.word != "identical"]
    body = tuple((row.label, _cells(row, metric.unit)) for row in shown)
    notes = [f"{row.label}: {row.note}" for row in shown if row.note]
    if len(shown) < len(rows):
        notes.append(f"{len(rows) - len(shown)} rows are identical in A and B")
    return Part("", name, metric.head(name), columns, body, tuple(notes), corner="row")


def _cells(row: Compared, unit: float) -> tuple[Cell, ...]:
    a, b = (SeedMean(side.mean / unit, side.half_width / unit, side.n) for side in (row.a, row.b))
    effect = f"{row.effect:.1f}" if math.isfinite(row.effect) else None
    return a, b, _ratio(row), effect, None if math.isnan(row.p) else f"{row.p:.2g}", row.word


def _ratio(row: Compared) -> str | None:
    if math.isnan(row.ratio):
        return None
    return f"{row.ratio:.3f}" + ("" if math.isnan(row.low) else f" [{row.low:.3f}, {row.high:.3f}]")


def _origins(selections: Sequence[Selection], chosen: Sequence[Records]) -> Iterable[str]:
    for letter, selection, records in zip("AB", selections, chosen, strict=True):
        facts = []
        for name in ("commit", "device", "scan_backend"):
            known = list(dict.fromkeys(_value(r, name)[: 12 if name == "commit" else None] for r in records))
            facts.append(f"{name} {', '.join(known[:3])}{' and others' if len(known) > 3 else ''}")
        yield f"{letter}: {selection.text}: {len(records)} records, {'; '.join(facts)}"
    yield (
        "ratio: B over A with its 95 % interval, paired by seed where both have the same seeds; g: Hedges' effect size "
        "of the pairs; p: Student's, corrected for the rows of a metric (Holm); ± is the half-width of the 95 % "
        "interval over seeds"
    )

"""`python -m analysis compare A B`: two sets of records side by side, with differences and significance."""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from analysis.compare.pairs import Compared, Sides, compare_metric
from analysis.compare.select import PLACE, Selection, parse, select, value_of
from analysis.metrics import find_metric, in_order
from analysis.options import no_folder, terminal_width, write_all
from analysis.records import Records
from analysis.records.keys import key_of_run
from analysis.stats import SeedMean
from analysis.tables.render import markdown, terminal
from analysis.tables.values import Cell, Column, Note, Part, Row, Table
from studies.run.record import Record
from zigma.common.words import WordError, counted, unknown

LISTED = 6
HELP = """A and B are each a results folder, or conditions joined by commas, or both:

  compare results ../other-machine/results            this machine and another
  compare commit=1a2b3c4 commit=5d6e7f8               before and after a change
  compare arm=my-spiral-8 arm=zigzag-8                a curve of yours and the paper's
  compare results,scale=tiny results,scale=small      two scales, arm by arm
  compare source=published source=own                 what ships with the project and your own
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = HELP
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument(
        "--metric", action="append", metavar="NAME", help="only this metric; may be given again"
    )
    parser.add_argument("--out", type=no_folder, metavar="FILE", help="write it as Markdown too")


def run(args: argparse.Namespace) -> int:
    """Print the comparison."""
    selections = [parse(args.a), parse(args.b)]
    chosen = [select(selection) for selection in selections]
    table = comparison(selections, chosen, args.metric)
    status = 0
    if args.out:  # first: who prints into `head` is ended there
        status = write_all(args.out.parent, {args.out.name: markdown(table)}, f"as {args.out.name}")
    print(terminal(table, terminal_width()))
    return status


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
        more = f" and {len(alone) - LISTED} more" if len(alone) > LISTED else ""
        notes.append(Note("other", f"in one of the two only: {', '.join(alone[:LISTED])}{more}"))
    caption = f"A: {selections[0].text}; B: {selections[1].text}"
    return Table(
        "Comparison",
        "comparison",
        caption,
        tuple(part for part in parts if part.rows or part.notes),
        tuple(notes),
    )


def _rows(chosen: Sequence[Records], pinned: set[str]) -> dict[str, Sides]:
    """Row's name -> the records of A and of B. A run that two studies share has one name, whichever ran it."""
    names: dict[str, tuple[str, ...]] = {}
    for record in sorted((r for records in chosen for r in records), key=_place):
        names.setdefault(key_of_run(record["config"], record["setting"]), _place(record))
    shown = [i for i, field in enumerate(PLACE) if field not in pinned]
    rows: dict[str, tuple[list[Record], list[Record]]] = defaultdict(lambda: ([], []))
    settings: dict[tuple[str, int], set[tuple[str, ...]]] = defaultdict(set)
    for side, records in enumerate(chosen):
        for record in records:
            run = key_of_run(record["config"], record["setting"])
            place = _place(record) if pinned else names[run]
            label = " ".join(place[i] for i in shown) or "all"
            rows[label][side].append(record)
            settings[label, side].add(place[1:3])
    for (label, side), places in settings.items():
        if len(places) > 1 and all(rows[label]):
            several = ", ".join(" ".join(place) for place in sorted(places))
            apart = [name for i, name in enumerate(PLACE[1:3]) if len({place[i] for place in places}) > 1]
            add = " and ".join(f"{name}=..." for name in apart)
            raise WordError(f"{'AB'[side]} has several of {label}: {several}; add {add}")
    return dict(rows)


def _place(record: Record) -> tuple[str, ...]:
    return tuple(str(record[field]) for field in PLACE)


def _has(records: Records) -> str:
    return ", ".join(dict.fromkeys(f"{r['study']} {r['arm']}" for r in records[:6])) + (
        ", ..." if len(records) > 6 else ""
    )


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
    body = tuple(Row(row.label, _cells(row, metric.unit)) for row in shown)
    notes = [Note("other", f"{row.label}: {row.note}") for row in shown if row.note]
    if len(shown) < len(rows):
        notes.append(Note("other", f"identical in A and B: {counted(len(rows) - len(shown), 'row')}"))
    return Part("", name, metric.head(name), columns, body, tuple(notes), corner="row")


def _cells(row: Compared, unit: float) -> tuple[Cell, ...]:
    a, b = (SeedMean(side.mean / unit, side.half_width / unit, side.n) for side in (row.a, row.b))
    effect = f"{row.effect:.1f}" if math.isfinite(row.effect) else None
    return a, b, _ratio(row), effect, None if math.isnan(row.p) else f"{row.p:.2g}", row.word


def _ratio(row: Compared) -> str | None:
    ratio = row.ratio
    if math.isnan(ratio.value):
        return None
    return f"{ratio.value:.3f}" + ("" if math.isnan(ratio.low) else f" [{ratio.low:.3f}, {ratio.high:.3f}]")


def _origins(selections: Sequence[Selection], chosen: Sequence[Records]) -> Iterable[Note]:
    for letter, selection, records in zip("AB", selections, chosen, strict=True):
        facts = []
        for name in ("commit", "device", "torch", "scan_backend"):
            values = list(
                dict.fromkeys(value_of(r, name)[: 12 if name == "commit" else None] for r in records)
            )
            facts.append(f"{name} {', '.join(values[:3])}{' and others' if len(values) > 3 else ''}")
        yield Note(
            "origin", f"{letter}: {selection.text}: {counted(len(records), 'record')}, {'; '.join(facts)}"
        )
    yield Note(
        "other",
        "ratio: B over A with its 95 % interval, paired by the seeds that both have; g: Hedges' effect size of the "
        "pairs; p: Student's, corrected for the rows of a metric (Holm); ± is the half-width of the 95 % interval "
        "over seeds",
    )

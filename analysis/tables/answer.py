"""The last screen after a run: her arms beside the paper's and the published ones, what it means, and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.agreement import pairs_in_order, paper_column
from analysis.metrics import LOSS, find_metric, main_metric
from analysis.records import Records, Sheet, sheets
from analysis.records.collection import folders
from analysis.records.levels import best_baseline, progress
from analysis.records.standing import levels_of, why_no_verdict
from analysis.tables.columns import cells, metric_columns
from analysis.tables.heading import heading
from analysis.tables.notes import failure_notes, seeds_note, stale_notes
from analysis.tables.standing import level_notes, level_rows, progress_column
from analysis.tables.values import PAPER, Cell, Column, Part, Table, rows_of
from studies.declare.study import Study
from studies.run.record import by_identity, read_records
from zigma.common.words import counted

YOURS, PUBLISHED = "yours", "published"


@dataclass(frozen=True)
class Answer:
    """A table of a person's own run, and the sheet behind it."""

    table: Table
    sheet: Sheet
    means: str  # in one line


def answer(study: Study, records: Records, results: Path) -> Answer | None:
    """Of her latest setting of a study; None where nothing of hers counts."""
    own, published = (records.below(folder) for folder in folders(results))
    # of a run that ships and is hers too, `records` holds hers alone
    shipped = by_identity(folders(results, "published")[0]) if published else {}
    hidden = [shipped[record["identity"]] for record in own if record["identity"] in shipped]
    published = Records([*published, *read_records(hidden, faults=[])])
    latest = [(record, sheet) for sheet in _sheets(study, own) for record in sheet.records]
    if not latest:
        return None
    _, sheet = max(latest, key=lambda pair: str(pair[0].data.get("finished") or ""))
    main = main_metric(sheet.metric_names)
    if main is None:
        return None
    beside = sheets(study, published, sheet.scale)[sheet.setting]
    part = _part(sheet, beside, main)
    name = f"{heading(study.shows)} of your run" if study.rebuilds_paper else f"Your run of {study.name}"
    groups = {column.group for column in part.columns}
    others = {PAPER: "the paper's numbers", PUBLISHED: "the published runs"}
    beside_it = " and ".join(words for group, words in others.items() if group in groups)
    caption = f"Your latest arms of {study.name}" + (f" beside {beside_it}" if beside_it else "")
    return Answer(
        Table(name, "answer", caption, (part,), study=study.name),
        sheet,
        meaning(sheet, main),
    )


def _sheets(study: Study, records: Records) -> Iterable[Sheet]:
    return [sheet for scale in study.scales for sheet in sheets(study, records, scale).values()]


def _part(sheet: Sheet, beside: Sheet, main: str) -> Part:
    columns: list[Column] = []
    values: list[Sequence[Cell]] = []
    printed = paper_column(sheet, main)
    if printed is not None:
        paper = {arm.name: arm.paper.get(printed) for arm in sheet.study.arms}
        columns.append(Column(PAPER, printed))
        values.append([paper.get(arm) for arm in sheet.arms])
    for metric in dict.fromkeys((main, LOSS)):
        for column in metric_columns(sheet, metric) if metric in sheet.metric_names else ():
            columns.append(replace(column, group=YOURS))
            values.append(cells(sheet, column))
            for head, shares in progress_column(sheet, column):
                columns.append(replace(head, group=YOURS))
                values.append(shares)
    for metric in dict.fromkeys((main, LOSS)):
        for column in metric_columns(beside, metric) if metric in beside.metric_names else ():
            columns.append(replace(column, group=PUBLISHED))
            values.append(cells(beside, column, list(sheet.arms)))
    own = [column if column.group == YOURS else replace(column, protocol=None) for column in columns]
    # the last line says it
    standing = [note for note in level_notes(sheet, own) if note.kind != "no verdict"]
    notes = [*standing, seeds_note(sheet), *failure_notes(sheet), *stale_notes(sheet)]
    title = f"Scale {sheet.scale}, setting {sheet.setting}"
    return Part(
        sheet.scale,
        sheet.setting,
        title,
        tuple(columns),
        rows_of(sheet.arms, values),
        tuple(notes),
        levels=level_rows(sheet, own),
    )


def meaning(sheet: Sheet, main: str) -> str:
    """What a sheet says, in one line."""
    why = why_no_verdict(sheet)
    in_order = pairs_in_order(sheet)
    order = ""
    if in_order is not None:
        agree, pairs = in_order
        order = f"{agree} of {counted(pairs, 'pair')} of arms in the paper's order by {main}"
    if why:
        return f"no verdict: {why}" + (f" ({order})" if order else "")
    head = find_metric(main).head(main)
    rules = sheet.commonest_protocol(main, sheet.arms)
    means = sheet.means(main, rules)
    higher = find_metric(main).better == "higher"
    seeds, shared = sheet.in_common(list(means), main, rules)
    among = dict(zip(means, shared.mean(axis=0), strict=True)) if seeds else means
    best = (max if higher else min)(among, key=lambda arm: among[arm])
    levels, place = levels_of(sheet), (main, rules) if rules is not None else None
    share = progress(means[best], levels, place) if place is not None else None
    baseline = best_baseline(levels, place) if place is not None else None
    floor = next((level.name for level in levels if level.kind == "floor"), "")
    floor = "real images" if floor.startswith("real ") else floor  # of fields it is the optimum
    far = f", {share:.0%} of the way from {baseline[0]} to {floor}" if share is not None and baseline else ""
    most = max(map(len, sheet.arms.values()))
    few = ["one seed says little of a difference"] if most == 1 else []
    if not seeds:
        few.append("the arms share no seed")
    elif len(seeds) < most:
        few.append(f"over the {counted(len(seeds), 'seed')} that all arms have")
    return "; ".join(filter(None, [order, f"best by {head}: {best}{far}", *few]))

"""The parts of a study's table: one for a sheet, or, of many settings, one for a metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from analysis.agreement import metric_names
from analysis.metrics import find_metric
from analysis.records import Sheet
from analysis.records.standing import why_no_verdict
from analysis.tables.columns import (
    NOTHING_YET,
    cells,
    configured,
    metric_columns,
    paper_columns,
    printed_cells,
)
from analysis.tables.notes import (
    failure_notes,
    origin_notes,
    protocol_notes,
    seeds_note,
    sheet_notes,
    stale_notes,
)
from analysis.tables.standing import level_notes, level_rows, progress_column
from analysis.tables.values import Cell, Column, Note, Part, rows_of

BY_COLUMN = "by column"  # the setting of a part that shows many


def sheet_part(sheet: Sheet) -> Part:
    """One scale and setting: the paper's columns that it stands in for, then each metric of each protocol."""
    names = metric_names(sheet)
    columns = paper_columns(sheet, names)
    values: list[list[Cell]] = [printed_cells(sheet, column) for column in columns]
    for column, quoted in configured(sheet, columns):
        columns.append(column)
        values.append(quoted)
    ours = [column for name in names or NOTHING_YET for column in metric_columns(sheet, name)]
    for column in ours:
        columns.append(column)
        values.append(cells(sheet, column))
        for head, shares in progress_column(sheet, column):
            columns.append(head)
            values.append(shares)
    notes = (*level_notes(sheet, ours), *sheet_notes(sheet), *protocol_notes(ours))
    rows, levels = rows_of(sheet.arms, values), level_rows(sheet, columns)
    return Part(sheet.scale, sheet.setting, _title(sheet), tuple(columns), rows, notes, levels=levels)


def _title(sheet: Sheet) -> str:
    stands_for = sheet.study.stands_for.get(sheet.setting)
    changed = f", changed by --set {sheet.changed}" if sheet.changed else ""
    if sheet.own_data:
        meant = ", images that are not the paper's"
    else:
        meant = f", standing in for the paper's {stands_for}" if stands_for and sheet.scale != "paper" else ""
    return f"Scale {sheet.scale}, setting {sheet.setting}{changed}{meant}"


def metric_parts(sheets: Sequence[Sheet]) -> list[Part]:
    """Many settings: a part for each metric, with the settings as columns."""
    names = list(dict.fromkeys(name for sheet in sheets for name in metric_names(sheet)))
    parts = [_metric_part(sheets, name) for name in names or NOTHING_YET]
    recorded = [sheet for sheet in sheets if any(sheet.done(arm) for arm in sheet.arms)]
    notes = [
        *parts[-1].notes,
        *_of_settings({s.setting: [seeds_note(s), *origin_notes(s)] for s in recorded}),
    ]
    for sheet in recorded:
        why = why_no_verdict(sheet)
        notes += [Note("no verdict", f"no verdict: {why}", sheet.setting)] if why else []
    for sheet in sheets:
        notes += [
            replace(note, setting=sheet.setting) for note in (*failure_notes(sheet), *stale_notes(sheet))
        ]
    parts[-1] = replace(parts[-1], notes=tuple(dict.fromkeys(notes)))
    return parts


def _of_settings(notes: Mapping[str, Iterable[Note]]) -> list[Note]:
    """Setting -> notes, each once, with the settings that it is about unless it is about all."""
    about: dict[Note, list[str]] = {}
    for setting, of_setting in notes.items():
        for note in of_setting:
            about.setdefault(note, []).append(setting)
    return [
        note if len(settings) == len(notes) else replace(note, setting=", ".join(settings))
        for note, settings in about.items()
    ]


def _metric_part(sheets: Sequence[Sheet], name: str) -> Part:
    metric = find_metric(name)
    arms = list(dict.fromkeys(arm for sheet in sheets for arm in sheet.arms))
    columns: list[Column] = []
    values: list[list[Cell]] = []
    for sheet in sheets:
        for column in metric_columns(sheet, name, head=sheet.setting):
            columns.append(replace(column, better="neither", setting=sheet.setting))
            values.append(cells(sheet, column, arms))
    notes = [Note("better", f"{metric.better} is better")] if metric.better != "neither" else []
    if sheets[0].changed:
        notes.append(Note("changed", f"changed by --set {sheets[0].changed}"))
    ruled = {c.label: [Note("protocol", str(c.protocol))] for c in columns if c.protocol}
    title = f"Scale {sheets[0].scale}: {metric.head(name)} by setting"
    all_notes = (*notes, *_of_settings(ruled))
    return Part(sheets[0].scale, BY_COLUMN, title, tuple(columns), rows_of(arms, values), all_notes)

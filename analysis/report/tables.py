"""Tables as the page shows them: every number of ours with the records that it rests on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from analysis.records import Records, Sheet, devices_of, sheets
from analysis.report.store import Store
from analysis.tables import study_table
from analysis.tables.ranking import pooled, ranking
from analysis.tables.render import MISSING, text
from analysis.tables.values import PAPER, Column, Part, Table
from studies.declare.registry import studies
from studies.run.record import Record


@dataclass(frozen=True)
class ShownCell:
    """A cell's words, and the numbers of the records behind it in the store."""

    text: str
    records: tuple[int, ...] = ()
    devices: tuple[str, ...] = ()
    kind: str = "ours"  # or paper, missing, failed, stale


@dataclass(frozen=True)
class ShownPart:
    """A part of a table: one scale and setting."""

    title: str
    scale: str
    devices: tuple[str, ...]
    corner: str
    groups: tuple[tuple[str, int], ...]  # head over columns, and over how many
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ShownCell, ...]], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ShownTable:
    """A table of the paper, or the numbers of a study beyond it."""

    study: str
    name: str
    caption: str
    parts: tuple[ShownPart, ...]
    notes: tuple[str, ...]
    recorded: bool


def shown_tables(records: Records, store: Store) -> list[ShownTable]:
    """Every study's table and the ranking, the paper's in their order, then figures, then what is beyond."""
    tables = [
        _shown(study_table(study, records), partial(sheets, study, records), store)
        for study in studies().values()
    ]
    pools = pooled(records)
    tables.append(_shown(ranking(records), lambda scale: _of_scale(pools, scale), store))
    return sorted(tables, key=lambda table: (_kind(table.name), _first_number(table.name), table.study))


def _kind(name: str) -> int:
    return 0 if name.startswith("Table") else 1 if name.startswith("Figure") else 2


def _first_number(name: str) -> int:
    number = re.search(r"\d+", name)
    return int(number[0]) if number else 0


def _of_scale(pools: list[Sheet], scale: str) -> dict[str, Sheet]:
    return {pool.setting: pool for pool in pools if pool.scale == scale}


def _shown(table: Table, sheets_at: Callable[[str], dict[str, Sheet]], store: Store) -> ShownTable:
    """`sheets_at` gives, for a scale, the sheets by setting that the table's parts show."""
    by_scale = {scale: sheets_at(scale) for scale in {part.scale for part in table.parts}}
    parts = tuple(_part(part, by_scale[part.scale], store) for part in table.parts)
    return ShownTable(
        table.study, table.name, table.caption, parts, tuple(map(str, table.notes)), table.recorded
    )


def _part(part: Part, by_setting: dict[str, Sheet], store: Store) -> ShownPart:
    rows = []
    places = sorted(range(len(part.columns)), key=lambda i: part.columns[i].group == PAPER)  # ours first
    columns = [part.columns[i] for i in places]
    for label, cells in (*part.rows, *part.levels):
        shown = []
        for column, cell in zip(columns, (cells[i] for i in places), strict=True):
            words = text(cell)
            behind = behind_cell(by_setting, part, label, column) if words != MISSING else []
            shown.append(
                ShownCell(words, tuple(store.refer(behind)), devices_of(behind), _cell_kind(words, column))
            )
        rows.append((label, tuple(shown)))
    groups = tuple((name, len(list(members))) for name, members in groupby(columns, lambda c: c.group))
    everywhere = tuple(dict.fromkeys(d for _, cells in rows for cell in cells for d in cell.devices))
    heads = tuple(column.head for column in columns)
    return ShownPart(
        part.title,
        part.scale,
        everywhere,
        part.corner,
        groups,
        heads,
        tuple(rows),
        tuple(map(str, part.notes)),
    )


def behind_cell(by_setting: dict[str, Sheet], part: Part, label: str, column: Column) -> list[Record]:
    """The records that a cell's number was computed from; of a failed or stale cell, those that say so."""
    if column.group == PAPER or not column.metric:
        return []
    sheet = by_setting.get(column.setting or part.setting)
    if sheet is None:
        return []
    seeds = sheet.by_seed(label, column.metric, column.protocol)
    done = [record for record in sheet.done(label) if record["seed"] in seeds]
    return done or sheet.failed(label) or [record for arm, record, _ in sheet.stale if arm == label]


def _cell_kind(words: str, column: Column) -> str:
    if words in (MISSING, "failed", "stale"):
        return "missing" if words == MISSING else words
    return "paper" if column.group == PAPER or column.name == PAPER else "ours"

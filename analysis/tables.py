"""What each table of the paper shows, the paper's numbers beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.load import Sheet, all_records, sheet
from analysis.stats import estimate
from analysis.table import Cell, Column, Table, as_csv, latex, markdown
from studies.record import Record
from studies.registry import studies
from studies.study import Study, with_settings

PAPER = "paper"
OURS = ("held_out_loss", "fd_", "kid_")  # the metrics of ours that a table shows, by their beginning


def make_tables(results: Path, settings: Mapping[str, Any] | None = None) -> list[Table]:
    """Rebuild every table from the records and write it as `.md`, `.tex` and `.csv` under `tables/`.

    `settings` are changes of the configuration with which the runs were made (`run --set`).
    Everything is read and rendered before the first file is written, so a bad record leaves nothing half-made.
    """
    records = all_records(results)
    built = {
        f"table_{study.shows.split()[-1]}": study_table(with_settings(study, settings or {}), records)
        for study in studies().values()
        if study.shows.startswith("Table")
    }
    written = {
        f"{name}.{ending}": render(table)
        for name, table in built.items()
        for ending, render in (("md", markdown), ("tex", latex), ("csv", as_csv))
    }
    folder = results / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents in written.items():
        (folder / name).write_text(contents, encoding="utf-8")
    return list(built.values())


def study_table(study: Study, records: list[Record]) -> Table:
    """The table of a study: the paper's columns, then ours at each scale and setting that has records."""
    sheets = [
        sheet(study, scale, setting, records)
        for scale, settings in study.scales.items()
        for setting in settings
    ]
    shown = [part for part in sheets if part.records] or sheets[:1]
    printed = list(dict.fromkeys(column for arm in study.arms for column in arm.paper))
    columns = [Column(PAPER, name) for name in printed]
    metrics = [(part, name) for part in shown for name in _metrics(part)]
    columns += [Column(f"{part.scale} {part.setting}", name) for part, name in metrics]

    paper = {arm.name: arm.paper for arm in study.arms}
    labels = list(dict.fromkeys([*paper, *(arm for part in shown for arm in part.arms)]))
    rows = []
    for label in labels:
        cells: list[Cell] = [paper.get(label, {}).get(name) for name in printed]
        cells += [_cell(part, label, name) for part, name in metrics]
        rows.append((label, tuple(cells)))
    notes = tuple(note for part in shown for note in _notes(part))
    return Table(study.shows, study.title, tuple(columns), tuple(rows), notes)


def _metrics(part: Sheet) -> list[str]:
    names = dict.fromkeys(metric["name"] for record in part.records for metric in record["metrics"])
    return [name for name in names if name.startswith(OURS)] or ["held_out_loss"]


def _cell(part: Sheet, arm: str, metric: str) -> Cell:
    values = part.values(arm, metric)
    if values:
        return estimate(values)
    failed = any(record["status"] == "failed" for record in part.arms.get(arm, []))
    return "failed" if failed else None


def _notes(part: Sheet) -> list[str]:
    where = f"{part.scale} {part.setting}"
    other = (
        f"{where}: {part.other} records of other configurations are not shown (run --set, make-tables --set)"
    )
    others = [other] if part.other else []
    if not part.records:
        return [
            f"{where}: no records yet (python -m studies run {part.study.name} --scale {part.scale})",
            *others,
        ]
    done = [record for record in part.records if record["status"] == "done"]
    notes = []
    if part.scale != "paper":
        notes.append(
            f"{where}: a stand-in for the paper's data and size; compare arms within a column, not columns"
        )
    seeds = {arm: len([r for r in records if r["status"] == "done"]) for arm, records in part.arms.items()}
    counts = ", ".join(f"{arm} {n}" for arm, n in seeds.items())
    notes.append(f"{where}: mean ± half-width of the 95 % Student t interval over seeds; seeds: {counts}")
    notes += [f"{where}: {line}" for line in dict.fromkeys(_protocol(m) for r in done for m in r["metrics"])]
    devices = dict.fromkeys(record["environment"].get("device", "unknown") for record in done)
    if devices:
        notes.append(f"{where}: on {'; '.join(devices)}")
    return notes + others


def _protocol(metric: dict[str, object]) -> str:
    known = ("n_generated", "n_real", "reference", "extractor", "extractor_identity", "resize")
    shown = {name: str(metric[name]) for name in known if metric.get(name)}
    if "extractor_identity" in shown:
        shown["extractor_identity"] = shown["extractor_identity"][:12]
    return f"{metric['name']}: " + ", ".join(f"{name} {value}" for name, value in shown.items())

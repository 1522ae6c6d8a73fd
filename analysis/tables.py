"""What each table of the paper shows, the paper's numbers beside ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from analysis.agreement import agreement, differ, metric_names
from analysis.metrics import CONFIGURED, QUALITY, find_metric, paper_better, paper_metric
from analysis.records import TIMED, Protocol, Records, Sheet, Source, device_of, load, sheets
from analysis.render import ENDINGS
from analysis.setup_table import SETUP, setup_table
from analysis.stats import Friedman, mean_over_seeds
from analysis.table import PAPER, Cell, Column, Exact, Part, Ranged, Table
from studies.declare.registry import studies
from studies.declare.study import Study, runs, with_settings
from studies.run.record import Record
from zigma.common.words import WordError
from zigma.experiment.config import RunConfig

OURS = "ours"
MANY = 3  # settings; more of them become columns instead of parts
LISTED = 4  # stale or failed runs that a sheet names one by one


def make_tables(
    results: Path, settings: Mapping[str, Any] | None = None, source: Source = "all"
) -> tuple[list[Table], Records]:
    """Rebuild every table from the records and write it as `.md`, `.tex` and `.csv` under `tables/`.

    `settings` are changes of the configuration with which the runs were made (`run --set`).
    Everything is read and rendered before the first file is written, so a bad record leaves nothing half-made.
    """
    records = load(results, source)
    tables = build_tables(records, settings)
    folder = results / "tables"
    contents = {folder / name: text for name, text in rendered(tables).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in contents.items():
        path.write_text(text, encoding="utf-8")
    return tables, records


def build_tables(records: Records, settings: Mapping[str, Any] | None = None) -> list[Table]:
    """Every study's table: those of the paper by their numbers, then the rest by their names."""
    built = [study_table(study, records) for study in _with_changes(settings or {})]
    return sorted(built, key=lambda table: (_number(table.name) or 99, table.file))


def _with_changes(changes: Mapping[str, Any]) -> list[Study]:
    """Every study with the user's changes; one that they do not fit, such as one that trains nothing, as declared.

    Raises:
        WordError: they fit no study.
    """
    if not changes:
        return list(studies().values())
    found, errors = [], []
    for study in studies().values():
        try:
            changed = with_settings(study, changes)
            for scale in changed.scales:
                runs(changed, scale)
        except WordError as error:
            errors.append(error)
            changed = study
        found.append(changed)
    if len(errors) == len(found):
        raise errors[0]
    return found


def rendered(tables: Iterable[Table]) -> dict[str, str]:
    """File name -> contents, in every format."""
    return {f"{table.file}.{ending}": write(table) for table in tables for ending, write in ENDINGS}


def study_table(study: Study, records: Iterable[Record]) -> Table:
    """The table of a study: at each scale and setting that has records, the paper's columns beside ours."""
    known = records if isinstance(records, Records) else Records(records)
    number = _number(study.shows)
    file = f"table_{number}" if number else study.name
    if study.name == SETUP:
        return setup_table(study, known, file)
    by_scale, shared = _by_scale(study, known)
    shown = {s: [part for part in found if part.records or part.stale] for s, found in by_scale.items()}
    shown = {scale: found for scale, found in shown.items() if found}
    recorded, notes = bool(shown), _presets(study, shown)
    if not shown:
        scale = next(iter(by_scale))
        shown = {scale: by_scale[scale]}
        notes.append(f"no records yet: python -m studies run {study.name} --scale {scale}")
    parts: list[Part] = []
    for scale, found in shown.items():
        printed = any(arm.paper for arm in study.arms)
        parts += _pivot(found) if len(found) > MANY and not printed else [_part(part) for part in found]
        tested = differ(found)
        if tested:
            notes.append(_friedman_note(scale, *tested))
    absent = [scale for scale in study.scales if scale not in shown and scale not in shared]
    if recorded and absent:
        notes.append(f"nothing is recorded at: {', '.join(absent)}")
    return Table(_heading(study.shows), file, study.title, tuple(parts), tuple(notes), _behind(shown))


def _behind(shown: Mapping[str, list[Sheet]]) -> tuple[str, ...]:
    """Identities of the records that the sheets show or name."""
    records = [
        record
        for found in shown.values()
        for part in found
        for record in (*part.records, *(record for _, record, _ in part.stale))
    ]
    return tuple(dict.fromkeys(record["identity"] for record in records))


def _presets(study: Study, shown: Mapping[str, list[Sheet]]) -> list[str]:
    """The study's notes say which source its paper presets follow: not of what is trained at other scales."""
    trained = [
        isinstance(study.scales[scale][part.setting], RunConfig) for scale in shown for part in shown[scale]
    ]
    return [] if shown and all(trained) and "paper" not in shown else list(study.notes)


def _by_scale(study: Study, records: Records) -> tuple[dict[str, list[Sheet]], set[str]]:
    """Scale -> sheets, each run at the first scale that has it; and the scales whose runs another one shows.

    A count of parameters, or a curve's measures, is one run at all scales.
    """
    found: dict[str, list[Sheet]] = {}
    seen: set[tuple[str, ...]] = set()
    shared = set()
    for scale in study.scales:
        found[scale] = []
        for part in sheets(study, records, scale).values():
            identities = tuple(record["identity"] for record in part.records)
            if identities and identities in seen:
                shared.add(scale)
                continue
            seen.add(identities)
            found[scale].append(part)
    return found, shared


def _heading(shows: str) -> str:
    """`Table 1`; `Beyond the paper` for what it does not have."""
    return "Beyond the paper" if shows == "beyond" else shows[:1].upper() + shows[1:]


def _number(shows: str) -> int | None:
    found = re.fullmatch(r"Table (\d+)", shows)
    return int(found[1]) if found else None


def _part(sheet: Sheet) -> Part:
    """One scale and setting: the paper's columns that it stands in for, then each metric of each protocol."""
    names = metric_names(sheet)
    columns = _paper_columns(sheet, names)
    cells: list[list[Cell]] = []
    labels = list(sheet.arms)
    printed = {arm.name: arm.paper for arm in sheet.study.arms}
    for column in columns:
        cells.append([printed.get(arm, {}).get(column.name) for arm in labels])
    quoted = [name for name in CONFIGURED if any(column.name == name for column in columns)]
    for name in quoted:
        columns.append(Column(OURS, name.lower(), "neither"))
        cells.append([_configured(sheet, arm, CONFIGURED[name]) for arm in labels])
    rules: dict[Protocol, list[str]] = {}
    for name in names or ["held_out_loss"]:
        for mark, protocol in _protocols(sheet, name).items():
            metric = find_metric(name)
            columns.append(Column(OURS, metric.head(name) + mark, metric.better, name))
            cells.append([_cell(sheet, arm, name, protocol) for arm in labels])
            if protocol:
                rules.setdefault(protocol, []).append(metric.head(name) + mark)
    rows = tuple((label, tuple(column[i] for column in cells)) for i, label in enumerate(labels))
    notes = (*_notes(sheet), *(f"{', '.join(heads)}: {rule}" for rule, heads in rules.items()))
    return Part(sheet.scale, sheet.setting, _title(sheet), tuple(columns), rows, notes)


def _paper_columns(sheet: Sheet, names: list[str]) -> list[Column]:
    printed = list(dict.fromkeys(column for arm in sheet.study.arms for column in arm.paper))
    stands_for = sheet.study.stands_for.get(sheet.setting)
    if stands_for:
        group = paper_metric(stands_for)[0]
        printed = [column for column in printed if paper_metric(column)[0] == group]
    answered = {find_metric(name).column for name in names} - {""}
    if stands_for:
        answered.add(paper_metric(stands_for)[1])
    if answered:  # samples beside what judges samples, costs beside costs
        judged = bool(answered & set(QUALITY))
        printed = [column for column in printed if (paper_metric(column)[1] in QUALITY) == judged]
    return [Column(PAPER, column, paper_better(column)) for column in printed]


def _protocols(sheet: Sheet, metric: str) -> dict[str, Protocol | None]:
    """Mark -> protocol: one column each, so that values made by different rules never meet in a cell."""
    found = sheet.protocols(metric)
    if len(found) < 2:
        return {"": found[0] if found else None}
    return {f" [{i}]": protocol for i, protocol in enumerate(found, start=1)}


def _cell(sheet: Sheet, arm: str, name: str, protocol: Protocol | None) -> Cell:
    metric = find_metric(name)
    values = [value / metric.unit for value in sheet.by_seed(arm, name, protocol).values()]
    if not values:
        if sheet.failed(arm) and not sheet.done(arm):
            return "failed"
        return "stale" if sheet.is_stale(arm) else None
    if metric.exact and len(set(values)) == 1:
        return Exact(values[0])
    if len(values) == 1:
        timing = next(m for r in sheet.done(arm) if (m := r.metric(name)) is not None)
        if {"lower_ms", "upper_ms"} <= timing.keys() and name.endswith("_ms"):
            return Ranged(values[0], timing["lower_ms"] / metric.unit, timing["upper_ms"] / metric.unit)
        if name in TIMED:
            return Exact(values[0])
    return mean_over_seeds(values)


def _configured(sheet: Sheet, arm: str, path: str) -> Cell:
    found = set()
    for record in sheet.arms.get(arm, []):
        value: Any = record["config"]
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        found.add(value)
    return Exact(found.pop()) if len(found) == 1 else None


def _title(sheet: Sheet) -> str:
    stands_for = sheet.study.stands_for.get(sheet.setting)
    meant = f", standing in for the paper's {stands_for}" if stands_for and sheet.scale != "paper" else ""
    return f"Scale {sheet.scale}, setting {sheet.setting}{meant}"


def _notes(sheet: Sheet) -> list[str]:
    if not sheet.records and not sheet.stale:
        return ["no records yet"]
    notes = []
    done = [record for arm in sheet.arms for record in sheet.done(arm)]
    trained = isinstance(sheet.study.scales[sheet.scale][sheet.setting], RunConfig)
    if trained and sheet.scale != "paper" and any(arm.paper for arm in sheet.study.arms):
        notes.append(
            "ours is a stand-in for the paper's data and size: compare arms within a column, not columns"
        )
    if done:
        notes.append(_seeds(sheet))
    agrees = agreement(sheet)
    if agrees is not None:
        notes.append(agreement_note(agrees.metric, agrees.paper_column, agrees.ranks))
    return notes + _origin(sheet, done) + _failures(sheet) + _stale(sheet)


def agreement_note(metric: str, column: str, ranks: Any) -> str:
    """Our order of the arms against the paper's, in one line."""
    return (
        f"order of {ranks.arms} arms by {metric} against the paper's {column}: {ranks.agree} of {ranks.pairs} "
        f"pairs agree, Spearman {ranks.spearman}, Kendall {ranks.kendall} (95 % bootstrap "
        f"over {ranks.seeds} seeds), p {ranks.p_exact:.2g} by all orders of the arms"
    )


def _seeds(sheet: Sheet) -> str:
    """How many runs stand behind the arms, and what the interval is."""
    counts = {arm: len(sheet.done(arm)) for arm in sheet.arms}
    some = sorted({n for n in counts.values() if n})
    if some == [1]:
        return "one run of every arm that has a number: no interval over seeds"
    interval = "± is the half-width of the 95 % Student t interval over seeds"
    if len(set(counts.values())) == 1:
        return f"{interval}; n = {some[0]} seeds of every arm"
    return f"{interval}; seeds: " + ", ".join(f"{arm} {n}" for arm, n in counts.items())


def _origin(sheet: Sheet, done: list[Record]) -> list[str]:
    notes = []
    places = dict.fromkeys(
        f"{device_of(r)}, scan backend {r['environment'].get('scan_backend', 'unknown')}" for r in done
    )
    if places:
        notes.append(f"made on {'; '.join(places)}")
    commits = dict.fromkeys(_commit(record) for record in done)
    if commits:
        more = f" and {len(commits) - LISTED} more" if len(commits) > LISTED else ""
        notes.append(f"by commit {', '.join(list(commits)[:LISTED])}{more}")
    elsewhere = dict.fromkeys(r["study"] for r in sheet.records if r["study"] != sheet.study.name)
    if elsewhere:
        notes.append(f"runs shared with {', '.join(elsewhere)}: the same configuration is run once")
    return notes


def _commit(record: Record) -> str:
    environment = record["environment"]
    commit = environment.get("commit")
    return f"{commit[:12] if commit else 'unknown'}{' (changed)' if environment.get('dirty') else ''}"


def _failures(sheet: Sheet) -> list[str]:
    failed = [
        f"{arm} seed {r['seed']}: {r.data.get('error')}" for arm in sheet.arms for r in sheet.failed(arm)
    ]
    more = f" and {len(failed) - LISTED} more" if len(failed) > LISTED else ""
    return [f"failed: {'; '.join(failed[:LISTED])}{more}"] if failed else []


def _stale(sheet: Sheet) -> list[str]:
    if not sheet.stale:
        return []
    listed = [f"{arm} seed {record['seed']} ({why})" for arm, record, why in sheet.stale[:LISTED]]
    more = f" and {len(sheet.stale) - LISTED} more" if len(sheet.stale) > LISTED else ""
    count = f"{sheet.other} records of other configurations are not shown"
    return [f"stale: {count} (make-tables --set shows runs made by run --set): {'; '.join(listed)}{more}"]


def _pivot(found: list[Sheet]) -> list[Part]:
    """Many settings: a part for each metric, with the settings as columns."""
    names = list(dict.fromkeys(name for sheet in found for name in metric_names(sheet)))
    labels = list(dict.fromkeys(arm for sheet in found for arm in sheet.arms))
    parts = []
    for name in names or ["held_out_loss"]:
        metric = find_metric(name)
        columns, cells, notes = [], [], []
        for sheet in found:
            for mark, protocol in _protocols(sheet, name).items():
                columns.append(Column(OURS, sheet.setting + mark, "neither", name))
                cells.append([_cell(sheet, arm, name, protocol) for arm in labels])
                notes += [f"{sheet.setting}{mark}: {protocol}"] if mark and protocol else []
                notes += [str(protocol)] if protocol and not mark else []
        rows = tuple((label, tuple(column[i] for column in cells)) for i, label in enumerate(labels))
        title = f"Scale {found[0].scale}: {metric.head(name)} by setting"
        better = f"{metric.better} is better" if metric.better != "neither" else ""
        parts.append(
            Part(
                found[0].scale,
                "by column",
                title,
                tuple(columns),
                rows,
                tuple(dict.fromkeys(filter(None, [better, *notes]))),
            )
        )
    rest = [f"{sheet.setting}: {note}" for sheet in found for note in (*_failures(sheet), *_stale(sheet))]
    origin = [
        note
        for sheet in found
        for note in _notes(sheet)
        if note.startswith(("made on", "by commit", "±", "one run"))
    ]
    last = parts[-1]
    notes_all = tuple(dict.fromkeys([*last.notes, *origin, *rest]))
    parts[-1] = Part(last.scale, last.setting, last.title, last.columns, last.rows, notes_all)
    return parts


def _friedman_note(scale: str, metric: str, arms: list[str], blocks: int, found: Friedman) -> str:
    apart = [
        f"{arms[i]} and {arms[j]}"
        for i in range(len(arms))
        for j in range(i + 1, len(arms))
        if found.posthoc[i, j] < 0.05
    ]
    pairs = f"Nemenyi tells apart {', '.join(apart)}" if apart else "Nemenyi tells no pair apart"
    return (
        f"{scale}: do the arms differ by {metric}? Friedman over {blocks} blocks (a seed in a setting): chi-squared "
        f"{found.statistic:.2f}, p {found.p:.2g} by permutations; {pairs} at 5 %"
    )

"""The table of a study: at each scale and setting that has records, the paper's columns beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from analysis.agreement import differ
from analysis.records import Records, Sheet, sheets
from analysis.tables.heading import heading, table_number
from analysis.tables.notes import difference_note
from analysis.tables.parts import metric_parts, sheet_part
from analysis.tables.ranking import RANKING, ranking
from analysis.tables.setup import SETUP, setup_table
from analysis.tables.values import Note, Part, Table
from studies.declare.registry import studies
from studies.declare.study import Study, where_it_fits
from studies.run.record import Record
from zigma.common.words import WordError
from zigma.experiment.config import RunConfig

MANY = 3  # settings; more of them become columns instead of parts
LAST = 99  # where tables without a number of the paper stand


def build_tables(
    records: Records, settings: Mapping[str, Any] | None = None, names: Iterable[str] | None = None
) -> list[Table]:
    """Every study's table and the ranking, or the named ones: the paper's by their numbers, then by their names.

    `settings` are changes of the configuration with which the runs were made (`run --set`).
    """
    chosen = None if names is None else set(names)
    built = [
        study_table(study, records)
        for study in studies_with(settings or {})
        if chosen is None or study.name in chosen
    ]
    if chosen is None or RANKING in chosen:
        built.append(ranking(records))
    return sorted(built, key=lambda table: (table_number(table.name) or LAST, table.file))


def studies_with(changes: Mapping[str, Any]) -> list[Study]:
    """Every study with the user's changes, where they fit; one that they fit nowhere as declared.

    Raises:
        WordError: they fit no study.
    """
    if not changes:
        return list(studies().values())
    result, errors = [], []
    for study in studies().values():
        try:
            changed = where_it_fits(study, changes)
            if study.name == SETUP and not _whole(study, changed):
                changed = study
        except WordError as error:
            errors.append(error)
            changed = study
        result.append(changed)
    if len(errors) == len(result):
        raise errors[0]
    return result


def _whole(study: Study, changed: Study) -> bool:
    """Whether nothing was left out: a table with a column per arm has a place for all of them."""
    kept = [{scale: list(settings) for scale, settings in each.scales.items()} for each in (study, changed)]
    return kept[0] == kept[1] and len(study.arms) == len(changed.arms)


def study_table(study: Study, records: Iterable[Record]) -> Table:
    """The table of a study, in one part per scale and setting."""
    records = records if isinstance(records, Records) else Records(records)
    number = table_number(study.shows)
    file = f"table_{number}" if number else study.name
    if study.name == SETUP:
        return setup_table(study, records, file)
    by_scale, shared = _by_scale(study, records)
    filled = {
        scale: [part for part in of_scale if part.records or part.stale]
        for scale, of_scale in by_scale.items()
    }
    shown = {scale: of_scale for scale, of_scale in filled.items() if of_scale}
    recorded, notes = bool(shown), _preset_notes(study, shown)
    if not shown:
        scale = next(iter(by_scale))
        shown = {scale: by_scale[scale]}
        notes.append(Note("missing", f"no records yet: python -m studies run {study.word} --scale {scale}"))
    parts: list[Part] = []
    for scale, of_scale in shown.items():
        printed = any(arm.paper for arm in study.arms)
        many = len(of_scale) > MANY and not printed
        parts += metric_parts(of_scale) if many else [sheet_part(sheet) for sheet in of_scale]
        difference = differ(of_scale)
        if difference is not None:
            notes.append(difference_note(scale, difference))
    absent = [scale for scale in study.scales if scale not in shown and scale not in shared]
    if recorded and absent:
        notes.append(Note("missing", f"nothing is recorded at: {', '.join(absent)}"))
    return Table(
        heading(study.shows), file, study.title, tuple(parts), tuple(notes), _behind(shown), study.name
    )


def _behind(shown: Mapping[str, list[Sheet]]) -> tuple[str, ...]:
    """Identities of the records that the sheets show or name."""
    records = [
        record
        for of_scale in shown.values()
        for part in of_scale
        for record in (*part.records, *(record for _, record, _ in part.stale))
    ]
    return tuple(dict.fromkeys(record["identity"] for record in records))


def _preset_notes(study: Study, shown: Mapping[str, list[Sheet]]) -> list[Note]:
    """The study's notes say which source its paper presets follow: not of what is trained at other scales."""
    trained = [
        isinstance(study.scales[scale][part.setting], RunConfig) for scale in shown for part in shown[scale]
    ]
    silent = shown and all(trained) and "paper" not in shown
    return [] if silent else [Note("preset", note) for note in study.notes]


def _by_scale(study: Study, records: Records) -> tuple[dict[str, list[Sheet]], set[str]]:
    """Scale -> sheets, each run at the first scale that has it; and the scales whose runs another one shows.

    A count of parameters, or a curve's measures, is one run at all scales.
    """
    by_scale: dict[str, list[Sheet]] = {}
    seen: set[tuple[str, ...]] = set()
    shared = set()
    for scale in study.scales:
        by_scale[scale] = []
        for part in sheets(study, records, scale).values():
            identities = tuple(record["identity"] for record in part.records)
            if identities and identities in seen:
                shared.add(scale)
                continue
            seen.add(identities)
            by_scale[scale].append(part)
    return by_scale, shared

"""Which records a side of a comparison holds: `results,scale=tiny` as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from analysis.options import say_faults
from analysis.records import Records, Source, load
from studies.declare.shipped import RESULTS
from studies.run.record import Record
from zigma.common.words import WordError, listed, unknown

PLACE = ("study", "scale", "setting", "arm")
ENVIRONMENT = ("commit", "device", "device_kind", "scan_backend", "torch")
KEYS = ("results", "source", *PLACE, *ENVIRONMENT)


@dataclass(frozen=True)
class Selection:
    """A set of records: those of a folder that meet every condition."""

    text: str
    conditions: Mapping[str, str]

    @property
    def results(self) -> Path:
        return Path(self.conditions.get("results", RESULTS))

    @property
    def pinned(self) -> set[str]:
        return set(self.conditions) & set(PLACE)


def parse(text: str) -> Selection:
    """`results,scale=tiny` as a selection.

    Raises:
        WordError: an unknown condition, or a folder that is not there.
    """
    conditions: dict[str, str] = {}
    parts = _parts(text)
    if not any(parts):
        raise WordError(f"{text!r} names no records: a results folder or conditions, such as arm=sweep")
    for part in filter(None, parts):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = "results", part
        if name not in KEYS:
            raise unknown("condition", name, KEYS)
        if name in conditions:
            raise WordError(f"{text}: {name} stands twice")
        conditions[name] = value
    selection = Selection(text, conditions)
    if not selection.results.is_dir() and selection.results != RESULTS:
        raise WordError(f"{text}: there is no folder {selection.results}")
    if conditions.get("source", "all") not in get_args(Source):
        raise unknown("source", conditions["source"], get_args(Source))
    return selection


def _parts(text: str) -> list[str]:
    """What stands between commas; what is neither a condition nor a folder belongs to the value before, as its comma.

    Names of arms may hold commas: `arm=hidden 16, sweep-8`.
    """
    parts: list[str] = []
    for part in text.split(","):
        goes_on = "=" not in part and part.strip() and not Path(part.strip()).is_dir()
        if parts and "=" in parts[-1] and goes_on:
            parts[-1] += f",{part.rstrip()}"
        else:
            parts.append(part.strip())
    return parts


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
        values = sorted({value_of(record, name) for record in left})
        left = [record for record in left if _meets(record, name, value)]
        if not left:
            raise WordError(f"{selection.text}: no record has {name}={value}; there are: {listed(values)}")
    if not left:
        raise WordError(f"{selection.text}: no records below {selection.results}")
    return Records(left)


def value_of(record: Record, name: str) -> str:
    return str(record[name] if name in PLACE else record["environment"].get(name))


def _meets(record: Record, name: str, value: str) -> bool:
    """A commit and a device are met by their beginning or a part: their names are long."""
    of_record = value_of(record, name)
    return value.lower() in of_record.lower() if name in ("device", "commit") else of_record == value

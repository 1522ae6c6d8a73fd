"""All records of a results folder, as objects and as frames."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis.records.levels import LevelFile, level_folders, read_levels
from analysis.records.schema import (
    CURVES,
    FAULTS,
    METRICS,
    RECORDS,
    curve_rows,
    frame,
    metric_rows,
    record_row,
)
from studies.declare.shipped import published_folder
from studies.run.record import Record, json_files, read_records
from zigma.common.words import WordError, one_line

if TYPE_CHECKING:
    import pandas as pd


Source = Literal["all", "own", "published"]
BESIDE = ("levels", "samples")  # folders beside the scales of published records
Place = tuple[str, str, str]  # study, scale, setting


class Records(list[Record]):
    """Records, one per identity: the objects, and the same as frames whose column `record` is the place in here.

    One whose inside the schema does not allow is left out and named in `faults`.
    """

    def __init__(self, records: Iterable[Record] = (), faults: Iterable[str] = ()) -> None:
        super().__init__()
        self.levels: dict[str, LevelFile] = {}  # key of a setting -> floors and ceilings
        self.faults = list(faults)  # one line for each file that is left out
        self.by_key: dict[str, list[Record]] = defaultdict(list)
        self.place: dict[str, int] = {}  # identity -> row of the frames
        self.keys: dict[str, str] = {}  # identity -> what it computed, all seeds alike
        self.by_place: dict[Place, list[Record]] = defaultdict(list)
        self.sheets: dict[tuple[str, str], Any] = {}  # of `sheet.sheets`, whose types lie above
        self._rows: list[dict[str, Any]] = []
        self._metrics: list[list[tuple[Any, ...]]] = []  # of each record
        for record in records:
            self._take(record)

    def _take(self, record: Record) -> None:
        try:
            row, metrics = record_row(record), list(metric_rows(record))
        except FAULTS as error:  # what a stranger's file holds: named, and the others go on
            self.faults.append(
                f"{record.path} is not a record: {type(error).__name__}: {one_line(error, 200)}"
            )
            return
        self._add(record, row, metrics)

    def _add(self, record: Record, row: dict[str, Any], metrics: list[tuple[Any, ...]]) -> None:
        self.place[record["identity"]] = len(self)
        self.append(record)
        self._rows.append(row)
        self._metrics.append(metrics)
        self.keys[record["identity"]] = row["key"]
        self.by_key[row["key"]].append(record)
        self.by_place[row["study"], row["scale"], row["setting"]].append(record)

    def metrics_of(self, record: Record) -> list[tuple[Any, ...]]:
        """A record's rows of the frame of metrics, without its place: see `schema.METRICS`."""
        return self._metrics[self.place[record["identity"]]]

    def below(self, folder: Path) -> Records:
        """Those whose files lie below a folder, with the levels of all."""
        part = Records()
        part.levels = self.levels
        for record, row, metrics in zip(self, self._rows, self._metrics, strict=True):
            if record.path.is_relative_to(folder):
                part._add(record, row, metrics)
        return part

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per record: see `schema.RECORDS`."""
        return frame(self._rows, RECORDS)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row per metric of a finished record: see `schema.METRICS`."""
        rows = [(i, *row) for i, metrics in enumerate(self._metrics) for row in metrics]
        return frame(rows, METRICS)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """One row per point of a curve: see `schema.CURVES`."""
        return frame([row for i, record in enumerate(self) for row in curve_rows(i, record)], CURVES)


def load(results: Path, source: Source = "all") -> Records:
    """Every record of a results folder, one per identity, the user's own first.

    A file that is not a record is left alone and named in `faults`: one bad file must not hide the others.
    """
    with _collector_resting():
        return _load(results, source)


@contextmanager
def _collector_resting() -> Iterator[None]:
    """Without looking for garbage: of ten thousand records all stays, and looking through it takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()  # nor later on
    finally:
        if was_on:
            gc.enable()


def _load(results: Path, source: Source) -> Records:
    faults: list[WordError] = []
    records = Records(_each_once(results, source, faults))
    records.faults[:0] = map(str, faults)
    records.levels = read_levels(level_folders(results), records.faults)
    records.faults = [one_line(fault) for fault in records.faults]  # names of files too
    return records


def _each_once(results: Path, source: Source, faults: list[WordError]) -> Iterator[Record]:
    """The first record of each identity that is done, else the first, as they are read: the next are read meanwhile."""
    identities: set[str] = set()
    failed: dict[str, Record] = {}  # which hide no other of that run that is done
    for folder in folders(results, source):
        for record in read_records(json_files(folder, BESIDE), faults):
            if record["status"] != "done":
                failed.setdefault(record["identity"], record)
            elif record["identity"] not in identities:
                identities.add(record["identity"])
                yield record
    yield from (record for identity, record in failed.items() if identity not in identities)


def folders(results: Path, source: Source = "all") -> list[Path]:
    """Where the records of a results folder lie; the user's own come first and win over those that ship."""
    places = {"own": results / "records", "published": published_folder(results)}
    return [places[name] for name in places if source in ("all", name)]

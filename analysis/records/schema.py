"""The columns of the frames and their types, declared once; and how a record becomes their rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analysis.records.keys import key
from analysis.records.protocol import protocol_of
from studies.run.record import Record
from zigma.common.files import text_of_name
from zigma.common.words import one_line

if TYPE_CHECKING:
    import pandas as pd

RECORDS = {  # one row per record
    "identity": "string",
    "study": "category",
    "arm": "category",
    "scale": "category",
    "setting": "category",
    "seed": "int64",
    "status": "category",
    "error": "string",
    "key": "string",  # what was computed, all seeds alike
    "fingerprints": "string",  # hashes of data, extractors and orders, as JSON
    "commit": "string",
    "dirty": "boolean",
    "torch": "string",
    "device": "string",
    "device_kind": "category",
    "scan_backend": "category",
    "finished": "string",  # ISO 8601; empty where a record does not say
    "device_hours": "float64",
    "path": "string",
}
METRICS = {  # one row per metric of a finished record; `record` is the row in the first frame
    "record": "int64",
    "metric": "category",
    "value": "float64",
    "lower_ms": "float64",  # of timings: middle half or range of the repeats
    "upper_ms": "float64",
    "protocol": "object",  # a Protocol
}
CURVES = {"record": "int64", "curve": "category", "step": "float64", "value": "float64"}  # one row per point
ENVIRONMENT = ("commit", "torch", "device", "device_kind", "scan_backend")
FAULTS = (TypeError, ValueError, AttributeError, KeyError, RecursionError, OverflowError)


def record_row(record: Record) -> dict[str, Any]:
    """A record as a row of the first frame.

    Raises:
        one of FAULTS: something inside it is of another type than the schema says.
    """
    environment, cost = record["environment"], record["cost"]
    dirty = environment.get("dirty")
    row = {name: record[name] for name in ("identity", "study", "arm", "scale", "setting", "seed", "status")}
    row |= {name: _text(environment.get(name)) for name in ENVIRONMENT}
    return row | {
        "error": one_line(_text(record.data.get("error"))),
        "key": key(record["config"]),
        "fingerprints": json.dumps(record.data.get("fingerprints") or {}, sort_keys=True),
        "dirty": bool(dirty) if dirty is not None else None,
        "finished": _text(record.data.get("finished")),
        "device_hours": _number(cost.get("device_hours")),
        "path": text_of_name(record.path, "backslashreplace"),
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def metric_rows(record: Record) -> Iterator[tuple[Any, ...]]:
    """The metrics of a finished record as rows of the second frame, without the record's place."""
    if record["status"] != "done":
        return
    for metric in record["metrics"]:
        ends = (_number(metric.get(end)) for end in ("lower_ms", "upper_ms"))
        yield metric["name"], float(metric["value"]), *ends, protocol_of(record, metric)


def curve_rows(number: int, record: Record) -> Iterator[tuple[Any, ...]]:
    """The curves of a record as rows of the third frame."""
    for name, curve in record["curves"].items():
        for step, value in zip(curve["step"], curve["value"], strict=True):
            yield number, name, float(step), float(value)


def frame(rows: list[Any], columns: dict[str, str]) -> pd.DataFrame:
    """Rows as a frame of declared columns and types; with no rows too."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns)).astype(columns)

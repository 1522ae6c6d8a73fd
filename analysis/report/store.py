"""The records as the page carries them: whole but for their curves, and each repeated part once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from studies.run.record import Record

# Parts that many records share word for word; they are written once and referred to by number.
SHARED = ("config", "environment", "fingerprints")


class Store:
    """Records by number, in the order in which they came; `refer` gives the numbers behind a number of a table."""

    def __init__(self, records: Sequence[Record], results: Path) -> None:
        self.records = list(records)
        self._results = results
        self._numbers = {record["identity"]: i for i, record in enumerate(self.records)}

    def refer(self, records: Iterable[Record]) -> list[int]:
        """The numbers of these records, each once."""
        return self.refer_identities(record["identity"] for record in records)

    def refer_identities(self, identities: Iterable[str]) -> list[int]:
        """The same by their identities; those that the store does not hold are left out."""
        numbers = (self._numbers.get(identity) for identity in identities)
        return list(dict.fromkeys(number for number in numbers if number is not None))

    def path(self, record: Record) -> str:
        """Where a record lies, from the results folder."""
        path = record.path
        return (path.relative_to(self._results) if path.is_relative_to(self._results) else path).as_posix()

    def packed(self, counted: Collection[str] = ()) -> dict[str, Any]:
        """`{"parts": [...], "records": [...], "stale": [...]}`: `{"$": n}` stands for `parts[n]`, and so does a number
        in the place of a metric's protocol; stale are the numbers of records that no study counts."""
        parts: dict[str, int] = {}
        packed = []
        for record in self.records:
            data = {"path": self.path(record), **record.data, "curves": summary(record)}
            config = dict(data["config"])
            # it stands in the record itself, and would keep arms' configurations apart
            config.pop("seed", None)
            data["config"] = config
            for name in SHARED:
                if name in data:
                    text = json.dumps(data[name], sort_keys=True)
                    data[name] = {"$": parts.setdefault(text, len(parts))}
            data["metrics"] = [self._metric(metric, parts) for metric in data["metrics"]]
            packed.append(data)
        stale = [i for i, record in enumerate(self.records) if record["identity"] not in counted]
        return {"parts": [json.loads(text) for text in parts], "records": packed, "stale": stale}

    @staticmethod
    def _metric(metric: dict[str, Any], parts: dict[str, int]) -> dict[str, Any]:
        protocol = {name: value for name, value in metric.items() if name not in ("name", "value")}
        text = json.dumps(protocol, sort_keys=True)
        return {"name": metric["name"], "value": metric["value"], "$": parts.setdefault(text, len(parts))}

    def script(self, counted: Collection[str] = ()) -> str:
        """The same as JSON that may stand inside a script element, whatever the records hold."""
        return for_script(self.packed(counted))


def for_script(data: Any) -> str:
    """JSON in which nothing can end the script element or open a comment."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def summary(record: Record) -> dict[str, str]:
    """Curves are long: how many points each has. They are in the file, and drawn on the page."""
    return {name: f"{len(curve['step'])} points, in the file" for name, curve in record["curves"].items()}

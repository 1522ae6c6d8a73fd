"""By which rules a number was made. Numbers made by different rules never meet in a cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from studies.run.record import Record

RULES = (
    "n_generated",
    "n_real",
    "reference",
    "extractor",
    "extractor_identity",
    "resize",
    "settings",
    "batch_images",
    "precision",
)
TIMED = ("images_per_s", "latency_ms", "peak_memory_mib")  # where the machine is part of the question
MACHINE = ("device", "backend")
# of a metric's settings, what was measured, such as an interval, is no rule
MEASURED = ("std", "low", "high")
SHORT_HASH = 12


@dataclass(frozen=True)
class Protocol:
    """The rules of a number, by name."""

    rules: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.rules)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def without(self, names: Iterable[str]) -> Protocol:
        """The same without some of the rules."""
        return Protocol(tuple(rule for rule in self.rules if rule[0] not in names))

    def beside(self, other: Protocol) -> str:
        """Those of the rules that the other does not have."""
        return str(Protocol(tuple(rule for rule in self.rules if rule not in other.rules)))


def protocol_of(record: Record, metric: Mapping[str, Any]) -> Protocol:
    """By which rules a metric of a record was made."""
    rules = {name: metric[name] for name in RULES if metric.get(name) not in (None, "")}
    if "extractor_identity" in rules:
        rules["extractor_identity"] = str(rules["extractor_identity"])[:SHORT_HASH]
    if isinstance(rules.get("settings"), dict):
        settings = sorted(rules.pop("settings").items(), key=lambda item: str(item[0]), reverse=True)
        rules |= {name: value for name, value in settings if name not in MEASURED}
    if metric["name"] in TIMED:
        rules["device"] = device_of(record)
        rules["backend"] = backend_of(record)
    data = (record.data.get("fingerprints") or {}).get("data")
    if data is not None and "reference" in rules:
        rules["data"] = str(data)[:SHORT_HASH]
    return _protocol(tuple((str(name), str(value)) for name, value in rules.items()))


@lru_cache(maxsize=4096)
def _protocol(rules: tuple[tuple[str, str], ...]) -> Protocol:
    """One object for equal rules: thousands of records share them, and the same object is compared at once."""
    return Protocol(rules)


def protocols_of(records: Iterable[Record], name: str) -> list[Protocol]:
    """Every protocol by which a metric of these records was made, in their order."""
    measured = ((record, record.metric(name)) for record in records if record["status"] == "done")
    return list(
        dict.fromkeys(protocol_of(record, metric) for record, metric in measured if metric is not None)
    )


def device_of(record: Record) -> str:
    """The name of the device that a record was made on."""
    return str(record["environment"].get("device", "unknown device"))


def backend_of(record: Record) -> str:
    """What carried out the scans of a record."""
    return str(record["environment"].get("scan_backend") or "unknown")


def devices_of(records: Iterable[Record]) -> tuple[str, ...]:
    """The devices of these records, each once."""
    return tuple(dict.fromkeys(map(device_of, records)))

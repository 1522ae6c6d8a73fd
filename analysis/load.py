"""Which records belong to which cell of a study's table, and why the others do not."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from studies.declare.identity import fingerprints, orders_fingerprint
from studies.declare.study import Study, runs
from studies.run.record import Record, read_record
from zigma.common.words import WordError
from zigma.experiment.config import Config

Source = Literal["all", "own", "published"]
# where records lie below a results folder; the user's own come first and win over those that ship with the project
FOLDERS: dict[Source, tuple[str, ...]] = {
    "own": ("records",),
    "published": ("published",),
    "all": ("records", "published"),
}
Place = tuple[str, str, str]  # study, scale, setting


class Records(list[Record]):
    """Records, one per identity, found by what they computed and by the study that ran them."""

    def __init__(self, records: Iterable[Record] = (), faults: Iterable[str] = ()) -> None:
        super().__init__(records)
        self.faults = list(faults)  # one line for each file that is not a record
        self.by_key: dict[str, list[Record]] = defaultdict(list)
        self.by_place: dict[Place, list[Record]] = defaultdict(list)
        for record in self:
            self.by_key[key(record["config"])].append(record)
            self.by_place[record["study"], record["scale"], record["setting"]].append(record)


def load(results: Path, source: Source = "all") -> Records:
    """Every record of a results folder, one per identity, the user's own first.

    A file that is not a record is left alone and named in `faults`: one bad file must not hide the others.
    """
    found: dict[str, Record] = {}
    faults = []
    for folder in FOLDERS[source]:
        for path in sorted((results / folder).rglob("*.json")):
            try:
                record = read_record(path)
            except WordError as error:
                faults.append(" ".join(str(error).split()))
            else:
                found.setdefault(record["identity"], record)
    return Records(found.values(), faults)


def key(config: Mapping[str, Any]) -> str:
    """What a record or a declaration computes, all seeds alike: its configuration without seed and `data.root`.

    The hashes of data, extractor and orders are no part of it (they are of the record's identity): a machine that
    lacks the paper's data and weights can still tell which cell a record of theirs belongs to.
    """
    plain = {name: value for name, value in config.items() if name != "seed"}
    if isinstance(plain.get("data"), dict):
        plain["data"] = {name: value for name, value in plain["data"].items() if name != "root"}
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass
class Sheet:
    """The records of a study at one scale and setting, sorted by arm; each arm's in the order of their seeds."""

    study: Study
    scale: str
    setting: str
    arms: dict[str, list[Record]] = field(default_factory=dict)
    # records of this study that it no longer declares, or whose curve's code has changed: arm, record and why
    stale: list[tuple[str, Record, str]] = field(default_factory=list)

    @property
    def records(self) -> list[Record]:
        return [record for records in self.arms.values() for record in records]

    @property
    def other(self) -> int:
        """How many records of this study are none of what it declares now."""
        return len(self.stale)

    def done(self, arm: str) -> list[Record]:
        """An arm's finished runs."""
        return [record for record in self.arms.get(arm, []) if record["status"] == "done"]

    def failed(self, arm: str) -> list[Record]:
        """An arm's failed runs."""
        return [record for record in self.arms.get(arm, []) if record["status"] == "failed"]

    def is_stale(self, arm: str) -> bool:
        """Whether an arm has only records that no longer count."""
        return not self.arms.get(arm) and any(name == arm for name, _, _ in self.stale)

    def values(self, arm: str, metric: str) -> list[float]:
        """The metric of every finished run of an arm, in the order of the seeds."""
        return list(self.by_seed(arm, metric).values())

    def by_seed(self, arm: str, metric: str, protocol: str | None = None) -> dict[int, float]:
        """Seed -> the metric of an arm's finished runs; of one protocol, where that is given (see `protocol`)."""
        found = {}
        for record in self.done(arm):
            measured = record.metric(metric)
            if measured is not None and protocol in (None, protocol_of(record, measured)):
                found[record["seed"]] = float(measured["value"])
        return found


PROTOCOL = (
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


def protocol_of(record: Record, metric: Mapping[str, Any]) -> str:
    """By which rules a number was made, as one line. Numbers with different lines do not compare."""
    shown = {name: metric[name] for name in PROTOCOL if metric.get(name) not in (None, "")}
    if "extractor_identity" in shown:
        shown["extractor_identity"] = str(shown["extractor_identity"])[:12]
    if isinstance(shown.get("settings"), dict):  # what was found, such as an interval, is no rule
        rules = {k: v for k, v in shown.pop("settings").items() if k not in ("std", "low", "high")}
        shown |= rules
    if metric["name"] in TIMED:
        shown["device"] = device_of(record)
        shown["backend"] = record["environment"].get("scan_backend", "unknown")
    data = record.data.get("fingerprints", {}).get("data")
    if data is not None and "reference" in shown:
        shown["data"] = str(data)[:12]
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def protocols_of(records: Iterable[Record], name: str) -> list[str]:
    """Every protocol by which a metric of these records was made, in their order."""
    measured = ((record, record.metric(name)) for record in records if record["status"] == "done")
    return list(
        dict.fromkeys(protocol_of(record, metric) for record, metric in measured if metric is not None)
    )


def device_of(record: Record) -> str:
    """The name of the device that a record was made on."""
    return str(record["environment"].get("device", "unknown device"))


def devices_of(records: Iterable[Record]) -> tuple[str, ...]:
    """The devices of these records, each once."""
    return tuple(dict.fromkeys(map(device_of, records)))


def sheets(study: Study, records: Records, scale: str) -> dict[str, Sheet]:
    """Setting -> the records of a study at a scale, whichever study ran them first.

    A record of this study whose configuration differs from the study's in the scan alone is an arm that a user
    added, and gets a row of its own; any other that is not declared is stale.
    """
    found = {setting: Sheet(study, scale, setting) for setting in study.scales[scale]}
    declared: dict[str, dict[str, Config]] = defaultdict(dict)
    for run in runs(study, scale):
        declared[run.setting][run.arm] = run.config
    for setting, sheet in found.items():
        _fill(sheet, declared[setting], records)
    return found


def sheet(study: Study, scale: str, setting: str, records: Iterable[Record]) -> Sheet:
    """The records of a study at one scale and setting; see `sheets`."""
    known = records if isinstance(records, Records) else Records(records)
    return sheets(study, known, scale)[setting]


def _fill(sheet: Sheet, declared: Mapping[str, Config], records: Records) -> None:
    keys = set()
    for arm, config in declared.items():
        here = key(config.model_dump(mode="json"))
        keys.add(here)
        current = []
        for record in records.by_key.get(here, []):
            changed = _changed(record, config)
            if not changed:
                current.append(record)
            else:
                sheet.stale.append((arm, record, f"{' and '.join(changed)} changed since"))
        sheet.arms[arm] = sorted(current, key=lambda record: record["seed"])
    for record in records.by_place.get((sheet.study.name, sheet.scale, sheet.setting), []):
        if key(record["config"]) in keys:
            continue
        arm, base = record["arm"], sheet.study.config(None, sheet.scale, sheet.setting)
        if arm not in declared and differences(record["config"], _plain(base)).keys() <= {"model.scan"}:
            sheet.arms.setdefault(arm, []).append(record)
        else:
            sheet.stale.append((arm, record, _why(record, declared.get(arm), base)))
    for added in sheet.arms.keys() - declared.keys():
        sheet.arms[added].sort(key=lambda record: record["seed"])


def _changed(record: Record, config: Config) -> list[str]:
    """Which hashes of a record (data, extractor, orders) are not those of this machine; unknown ones pass."""
    try:
        current = dict(fingerprints(config))
    except (
        ValueError,
        FileNotFoundError,
    ):  # the data or the weights are not here, so nothing to compare with
        orders = orders_fingerprint(config)
        current = {} if orders is None else {"orders": orders}
    theirs = record.data.get("fingerprints", {})
    return [name for name, value in current.items() if name in theirs and theirs[name] != value]


def _why(record: Record, config: Config | None, base: Config) -> str:
    """What changed since; of an arm that the study does not have, the scan apart, for it may be the user's own."""
    changed = differences(record["config"], _plain(config or base))
    if config is None:
        changed.pop("model.scan", None)
    shown = [f"{path} was {then}, is {now}" for path, (then, now) in changed.items()]
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return "; ".join(shown[:3]) + more


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted path -> (theirs, ours) for all that differs between two configurations, seed and root apart."""
    a, b = dict(_leaves(theirs)), dict(_leaves(ours))
    absent = "absent"
    return {
        path: (a.get(path, absent), b.get(path, absent))
        for path in dict.fromkeys([*a, *b])
        if path not in ("seed", "data.root") and a.get(path, absent) != b.get(path, absent)
    }


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, value


def _plain(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json")

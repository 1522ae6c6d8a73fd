"""Which records belong to which cell of a study's table."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from studies.record import Record, read_records
from studies.study import Study, known_identity


@dataclass
class Sheet:
    """The records of a study at one scale and setting, sorted by arm."""

    study: Study
    scale: str
    setting: str
    arms: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    other: int = 0  # records of this study whose configuration is none of the declared ones

    @property
    def records(self) -> list[Record]:
        return [record for records in self.arms.values() for record in records]

    def values(self, arm: str, metric: str) -> list[float]:
        """The metric of every finished run of an arm, in the order of the seeds."""
        done = sorted((r for r in self.arms.get(arm, []) if r["status"] == "done"), key=lambda r: r["seed"])
        found = [record.metric(metric) for record in done]
        return [metric["value"] for metric in found if metric is not None]


def sheet(study: Study, scale: str, setting: str, records: list[Record]) -> Sheet:
    """Sort `records` into the arms of a study by their identity, whichever study ran them first.

    A record of this study whose configuration differs from the study's in the scan alone is an arm that a user
    added, and gets a row of its own.
    """
    found, base = Sheet(study, scale, setting), study.config(None, scale, setting)
    declared = [arm.name for arm in study.arms]
    found.arms.update({name: [] for name in declared})
    expected: dict[int, dict[str | None, list[str]]] = {}
    for record in records:
        seed = record["seed"]
        if seed not in expected:
            arms = {arm.name: replace(study.config(arm, scale, setting), seed=seed) for arm in study.arms}
            expected[seed] = defaultdict(list)  # arms of one configuration share their records
            for name, config in arms.items():
                expected[seed][known_identity(config)].append(name)
        names = expected[seed].get(record["identity"], [])
        here = (record["study"], record["scale"], record["setting"]) == (study.name, scale, setting)
        if names:
            for name in names:
                found.arms[name].append(record)
        elif (
            here
            and record["arm"] not in declared
            and _differs_in_scan_alone(record, replace(base, seed=seed))
        ):
            found.arms[record["arm"]].append(record)
        elif here:
            found.other += 1
    return found


def _differs_in_scan_alone(record: Record, base: Any) -> bool:
    theirs, ours = _plain(record["config"]), _plain(asdict(base))
    theirs["model"].pop("scan", None)
    ours["model"].pop("scan", None)
    return theirs == ours


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(config))
    plain["data"].pop("root", None)
    return plain


def all_records(results: Path) -> list[Record]:
    """Every record below a results folder."""
    return list(read_records(results))

"""A row holds records of one set of fingerprints: what was made from other data, curves or judges is stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studies.declare.identity import fingerprints, orders_fingerprint
from studies.run.record import Record
from zigma.experiment.config import NUMERICS, Config


@dataclass
class Row:
    """The records of a row that count, in the order of their seeds, and those that do not, with why."""

    current: list[Record] = field(default_factory=list)
    stale: list[tuple[Record, str]] = field(default_factory=list)


def hashes_of(record: Record) -> dict[str, str]:
    """What a record names but does not contain, by hash; and the version of numerics, which is not written before 2."""
    return {"numerics": "1", **(record.data.get("fingerprints") or {})}


def hashes_here(config: Config | None) -> dict[str, str]:
    """The same of a configuration on this machine; without what is not here: data, weights, a user's curve."""
    if config is None:
        return {}
    version = {"numerics": str(NUMERICS)}
    try:
        return version | fingerprints(config)
    except (ValueError, FileNotFoundError):
        pass
    try:
        orders = orders_fingerprint(config)
    except (ValueError, FileNotFoundError):
        return version
    return version if orders is None else version | {"orders": orders}


def one_set(records: Iterable[Record], here: Mapping[str, str]) -> Row:
    """The records whose hashes are this machine's, and where it has none, those of the latest record.

    Of two records of one seed the later one counts.
    """
    row, names, seeds = Row(), dict(here), dict[int, Record]()
    latest = sorted(records, key=when, reverse=True)
    for record in latest:
        hashes = hashes_of(record)
        changed = [name for name, value in hashes.items() if names.get(name, value) != value]
        if changed:
            against = [_than(name, here, latest[0]) for name in changed]
            row.stale.append((record, " and ".join(against)))
        elif record["seed"] in seeds:
            row.stale.append((record, "run again since"))
        else:
            names = {**hashes, **names}
            seeds[record["seed"]] = record
    row.current = [seeds[seed] for seed in sorted(seeds)]
    return row


def _than(name: str, here: Mapping[str, str], latest: Record) -> str:
    return (
        f"{name} changed since"
        if name in here
        else f"{name} other than of the latest run, seed {latest['seed']}"
    )


def when(record: Record) -> tuple[str, int]:
    """What orders records by when they were finished."""
    finished: Any = record.data.get("finished")
    return (finished if isinstance(finished, str) else ""), record.written_ns

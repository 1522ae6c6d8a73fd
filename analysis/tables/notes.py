"""What stands below a part of a table: how many seeds, made where and by which code, what failed, what is stale."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from analysis.agreement import Agreement, Difference, agreement, metric_names
from analysis.metrics import MEANINGS, find_metric
from analysis.records import Sheet, backend_of, device_of
from analysis.stats.orders import DRAWN
from analysis.tables.values import Column, Note
from studies.run.record import Record
from zigma.common.words import counted
from zigma.experiment.config import RunConfig

LISTED = 4  # stale or failed runs, commits and devices that a sheet names one by one
SHORT_COMMIT = 12


def sheet_notes(sheet: Sheet) -> list[Note]:
    """All notes on a sheet but those on its protocols and levels."""
    if not sheet.records and not sheet.stale:
        return [Note("missing", "no records yet")]
    done = [record for arm in sheet.arms for record in sheet.done(arm)]
    notes = []
    trained = isinstance(sheet.config, RunConfig)
    if trained and sheet.scale != "paper" and any(arm.paper for arm in sheet.study.arms):
        what = (
            "your images stand for none of the paper's"
            if sheet.own_data
            else "ours is a stand-in for the paper's data and size"
        )
        line = f"{what}: compare arms within a column, not columns"
        notes.append(Note("stand-in", line))
    if done:
        notes.append(seeds_note(sheet))
    agrees = agreement(sheet)
    if agrees is not None and not math.isnan(agrees.ranks.spearman.value):  # all equal: they have no order
        notes.append(agreement_note(agrees))
    shown = [name for name in sheet.metric_names if name in MEANINGS and find_metric(name).shown]
    means = [Note("meaning", f"{name}: {MEANINGS[name]}") for name in shown]
    return [
        *notes,
        *means,
        *_one_run_notes(sheet),
        *origin_notes(sheet),
        *failure_notes(sheet),
        *stale_notes(sheet),
    ]


def _one_run_notes(sheet: Sheet) -> list[Note]:
    """Rows that are the same run: their numbers agree because they are one number."""
    arms: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for arm in sheet.arms:
        arms[tuple(record["identity"] for record in sheet.done(arm))].append(arm)
    return [
        Note("shared", f"one run under several names: {', '.join(names)}")
        for identities, names in arms.items()
        if identities and len(names) > 1
    ]


def agreement_note(agrees: Agreement) -> Note:
    """Our order of the arms against the paper's, in one line."""
    ranks = agrees.ranks
    interval = f"(95 % bootstrap over {ranks.seeds} seeds)" if ranks.seeds > 1 else "(one seed)"
    orders = "all" if math.factorial(ranks.arms) <= DRAWN else f"{DRAWN:,} drawn"
    return Note(
        "agreement",
        f"order of {ranks.arms} arms by {agrees.metric} against the paper's {agrees.paper_column}: {ranks.agree} of "
        f"{ranks.pairs} pairs agree, Spearman {ranks.spearman}, Kendall {ranks.kendall} {interval}, "
        f"p {ranks.p_exact:.2g} by {orders} orders of the arms",
    )


def seeds_note(sheet: Sheet) -> Note:
    """How many runs stand behind the arms, and what the interval is."""
    counts = {arm: len(sheet.done(arm)) for arm in sheet.arms}
    some = sorted({n for n in counts.values() if n})
    if some == [1]:
        return Note("seeds", "one run of every arm that has a number: no interval over seeds")
    interval = "± is the half-width of the 95 % Student t interval over seeds"
    if len(set(counts.values())) == 1:
        seeds = f"n = {some[0]} seeds of every arm"
    else:
        seeds = "seeds: " + ", ".join(f"{arm} {n}" for arm, n in counts.items())
    split = any(len(sheet.protocols(name)) > 1 for name in metric_names(sheet))
    apart = ", of which a column with a number in brackets has those of its protocol" if split else ""
    fewer = [
        f"; {name} of {arm} has {n} of its {of_arm}"
        for arm, of_arm in counts.items()
        for name in metric_names(sheet)
        if 0 < (n := len(sheet.values(arm, name))) < of_arm
    ]
    return Note("seeds", f"{interval}; {seeds}{apart}{''.join(fewer)}")


def origin_notes(sheet: Sheet) -> Iterator[Note]:
    """Where and by which code the numbers were made; and the rows in which several of these are mixed.

    A run that was resumed has a part for each process that worked on it, and each counts.
    """
    parts = {arm: [part for record in sheet.done(arm) for part in _parts(record)] for arm in sheet.arms}
    everywhere = [part for of_arm in parts.values() for part in of_arm]
    if everywhere:
        machines = (_machine(record) for arm in sheet.arms for record in sheet.done(arm))
        yield Note("origin", f"made on {_listed(machines, '; ')}")
        commits, torches = (_listed(map(of, everywhere)) for of in (_commit, _torch))
        yield Note("origin", f"by commit {commits}; torch {torches}")
    mixed = {
        arm: [name for name, of in MIXED.items() if len({of(part) for part in of_arm}) > 1]
        for arm, of_arm in parts.items()
    }
    rows = [f"{arm} ({', '.join(names)})" for arm, names in mixed.items() if names]
    if rows:
        yield Note("origin", f"rows made by different code or machines: {_listed(rows)}")
    elsewhere = dict.fromkeys(r["study"] for r in sheet.records if r["study"] != sheet.study.name)
    if elsewhere:
        studies = ", ".join(elsewhere)
        yield Note("shared", f"runs shared with {studies}: the same configuration is run once")


def _listed(names: Iterable[str], between: str = ", ") -> str:
    each = list(dict.fromkeys(names))
    more = f" and {len(each) - LISTED} more" if len(each) > LISTED else ""
    return between.join(each[:LISTED]) + more


def _machine(record: Record) -> str:
    return f"{device_of(record)}, scan backend {backend_of(record)}"


def _parts(record: Record) -> list[dict[str, Any]]:
    """A run's history, each part with the record's scan backend where it tells none of its own."""
    return [{"scan_backend": backend_of(record), **part} for part in record.history]


def _torch(part: Mapping[str, Any]) -> str:
    return str(part.get("torch") or "unknown")


def _device(part: Mapping[str, Any]) -> str:
    return str(part.get("device") or "unknown device")


def _commit(part: Mapping[str, Any]) -> str:
    commit = str(part.get("commit") or "unknown")
    return f"{commit[:SHORT_COMMIT]}{' (changed)' if part.get('dirty') else ''}"


def _backend(part: Mapping[str, Any]) -> str:
    return str(part.get("scan_backend") or "unknown")


MIXED = {"commit": _commit, "device": _device, "torch": _torch, "scan backend": _backend}


def failure_notes(sheet: Sheet) -> list[Note]:
    """The runs that failed, and with which error."""
    failed = [
        f"{arm} seed {r['seed']}: {r.data.get('error')}" for arm in sheet.arms for r in sheet.failed(arm)
    ]
    return [Note("failed", f"failed: {_listed(failed, '; ')}")] if failed else []


def stale_notes(sheet: Sheet) -> list[Note]:
    """The records that do not count, and why."""
    if not sheet.stale:
        return []
    of_arm: dict[tuple[str, str], list[int]] = defaultdict(list)
    for arm, record, why in sheet.stale:
        of_arm[arm, why].append(record["seed"])
    by_reason: dict[str, list[str]] = defaultdict(list)
    for (arm, why), seeds in of_arm.items():
        by_reason[why].append(f"{arm} seed {', '.join(map(str, sorted(set(seeds))))}")
    listed = _listed((f"{'; '.join(runs)} ({why})" for why, runs in by_reason.items()), "; ")
    count = f"{counted(len(sheet.stale), 'record')} of other configurations, data or curves"
    return [
        Note(
            "stale",
            f"not of this setting, so not shown: {count} (make-tables --set shows runs made by run --set): {listed}",
        )
    ]


def protocol_notes(columns: Iterable[Column]) -> list[Note]:
    """By which rules the columns were made, those that share them together."""
    heads: dict[str, list[str]] = {}
    for column in columns:
        if column.protocol:
            heads.setdefault(str(column.protocol), []).append(column.label)
    return [Note("protocol", f"{', '.join(labels)}: {rules}") for rules, labels in heads.items()]


def difference_note(scale: str, difference: Difference) -> Note:
    """Whether the arms differ at all."""
    arms, test = difference.arms, difference.friedman
    apart = [
        f"{arms[i]} and {arms[j]}"
        for i in range(len(arms))
        for j in range(i + 1, len(arms))
        if test.posthoc[i, j] < 0.05
    ]
    pairs = f"Nemenyi tells apart {', '.join(apart)}" if apart else "Nemenyi tells no pair apart"
    return Note(
        "difference",
        f"{scale}: do the arms differ by {difference.metric}? Friedman over {counted(difference.blocks, 'block')} "
        f"(a seed in a setting): chi-squared {test.statistic:.2f}, p {test.p:.2g} by {test.by}; {pairs} at 5 %",
    )

"""Which recorded metrics may decide a claim on a sheet, and which are only shown beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.agreement import metric_names
from analysis.metrics import EXCESS, LOSS, QUALITY, find_metric
from analysis.records import Protocol, Sheet
from analysis.records.standing import why_no_verdict
from analysis.stats import Array

MEMORY = "peak_memory_mib"
DIGITS = "digits"  # an extractor that sees 8x8 grey pixels: blind to colour and detail


def chosen(sheets: Mapping[str, Sheet], settings: Sequence[str]) -> list[Sheet]:
    """The sheets of the quantifier: the named settings, or all."""
    return [sheet for name, sheet in sheets.items() if not settings or name in settings]


def deciding(sheet: Sheet, metric: str | None) -> list[tuple[str, bool]]:
    """(metric, whether it decides) for a statement about one metric, or (None) about the quality of samples.

    Quality is decided by the excess over the optimum where it is recorded; else by the first distance whose
    extractor sees what the data differ in; else by the held-out loss. The others stand beside.
    """
    names = metric_names(sheet)
    if metric is not None:
        return [(metric, _measures(sheet, metric))] if metric in names else []
    distances = [name for name in names if find_metric(name).column in QUALITY]
    judges = [*(name for name in distances if _sees(sheet, name)), LOSS]
    if EXCESS in names:
        judges.insert(0, EXCESS)
    first = next((name for name in judges if name in names), None)
    beside = [name for name in dict.fromkeys([*distances[:1], LOSS]) if name in names and name != first]
    return ([(first, True)] if first else []) + [(name, False) for name in beside]


def decider(sheet: Sheet) -> str | None:
    """The metric that decides about the quality of samples; None where a sheet has none."""
    return next((metric for metric, decides in deciding(sheet, None) if decides), None)


def _sees(sheet: Sheet, metric: str) -> bool:
    """The digits' extractor sees nothing of what photographs or shapes differ in (noise, colour, blur)."""
    if not metric.endswith(f"_{DIGITS}"):
        return True
    data = {record["config"].get("data", {}).get("name", "") for record in sheet.records}
    return all(DIGITS in name for name in data)


def _measures(sheet: Sheet, metric: str) -> bool:
    """A forward pass on a CPU does not measure the memory that a GPU needs."""
    if metric != MEMORY:
        return True
    return all(record["environment"].get("device_kind") != "cpu" for record in sheet.records)


def oriented_logs(
    sheet: Sheet, arms: Sequence[str], metric: str, protocol: Protocol | None = None
) -> tuple[list[int], Array] | None:
    """Seeds that all the arms have, and the logarithms of their values, signed so that lower is better; or None.

    Values are of one protocol: the one given, or that of most.
    """
    if any(arm not in sheet.arms for arm in arms):
        return None
    seeds, values = sheet.in_common(arms, metric, protocol)
    if not len(values) or not (values > 0).all():
        return None
    sign = -1.0 if find_metric(metric).better == "higher" else 1.0
    return seeds, sign * np.log(values)


def identities(sheet: Sheet, arms: Sequence[str], seeds: Sequence[int]) -> tuple[str, ...]:
    """The records of these arms and seeds."""
    among = set(seeds)
    return tuple(r["identity"] for arm in arms for r in sheet.done(arm) if r["seed"] in among)


def why_unlearned(sheet: Sheet, metric: str) -> str:
    """Why the sheet's networks may not be judged by this metric yet; empty where they may.

    What a network costs does not depend on what it has learned.
    """
    judged = metric in (LOSS, EXCESS) or find_metric(metric).column in QUALITY
    why = why_no_verdict(sheet) if judged else ""
    return f"{sheet.setting}: {why}" if why else ""

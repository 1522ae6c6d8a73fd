"""Every scan that is recorded in one setting, whichever study ran it, best first."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from analysis.metrics import EXCESS, LOSS, find_metric, main_metric
from analysis.records import Records, Sheet, sheets
from analysis.records.keys import differences, key, key_of_run
from analysis.records.standing import why_no_verdict
from analysis.stats import paired_ratio
from analysis.tables.columns import cell, metric_columns
from analysis.tables.heading import heading
from analysis.tables.notes import origin_notes, protocol_notes, seeds_note
from analysis.tables.values import OURS, Cell, Column, Note, Part, Row, Table
from studies.declare.identity import as_recorded
from studies.declare.registry import RANKING, studies
from studies.declare.study import SCALES
from studies.run.record import Record
from zigma.experiment.config import RunConfig

CAPTION = "Every scan that is recorded in one setting, best first"
FEWEST = 8  # arms that make a ranking: a study's own table shows fewer at a glance
BESIDE = "zigzag-8"  # the paper's best; the best of many would be too good by the luck of its seeds
# in what an arm may differ from the others, and still be a scan beside scans
OF_A_SCAN = re.compile(r"model\.(scan|ordering(\..+)?|mixer\.carry_state)")


def ranking(records: Records) -> Table:
    """A part for each setting with enough scans, and more of them than any study's own table shows."""
    pools = pooled(records)
    behind = dict.fromkeys(record["identity"] for pool in pools for record in pool.records)
    none = f"no setting has {FEWEST} scans, of several studies, that were trained alike"
    notes = () if pools else (Note("missing", none),)
    parts = tuple(map(_part, pools))
    return Table(heading("beyond"), RANKING, CAPTION, parts, notes, tuple(behind), RANKING)


def pooled(records: Records) -> list[Sheet]:
    """For each scale and setting the scans of all studies that train the same but for their scans."""
    gathered: dict[tuple[str, str], list[tuple[Sheet, str]]] = defaultdict(list)
    for study in studies().values():
        for scale in study.scales:
            for setting, sheet in sheets(study, records, scale).items():
                base = study.config(None, scale, setting)
                if not sheet.records or not isinstance(base, RunConfig):
                    continue
                plain = as_recorded(base)
                scans = [(sheet, arm) for arm in sheet.arms if _is_scan(sheet, arm, plain)]
                gathered[scale, key_of_run(plain, setting)] += scans
    pools: dict[tuple[int, str], Sheet] = {}
    for (scale, _), scans in sorted(gathered.items(), key=lambda item: len(item[1])):
        arms = _once(scans)
        largest = max(Counter(sheet.study.name for sheet, _ in scans).values(), default=0)
        if len(arms) >= FEWEST and len(arms) > largest:
            first, _ = scans[0]
            # of settings of one name, the larger
            pools[SCALES.index(scale), first.setting] = replace(first, arms=arms, stale=[])
    return [pools[place] for place in sorted(pools)]


def _is_scan(sheet: Sheet, arm: str, plain: Mapping[str, Any]) -> bool:
    done = sheet.done(arm)
    return bool(done) and all(map(OF_A_SCAN.fullmatch, differences(done[0]["config"], plain)))


def _once(scans: Iterable[tuple[Sheet, str]]) -> dict[str, list[Record]]:
    """Runs that several studies have, once: under the name of their plan, if any calls them so."""
    names: dict[str, str] = {}
    behind: dict[str, list[Record]] = {}
    for sheet, arm in scans:
        done = sheet.done(arm)
        config = done[0]["config"]
        this = key(config)
        behind[this] = done
        if this not in names or arm == config["model"]["scan"]:
            taken = any(name == arm for other, name in names.items() if other != this)
            names[this] = f"{arm} ({sheet.study.name})" if taken else arm
    return {name: behind[this] for this, name in names.items()}


def _part(pool: Sheet) -> Part:
    metric = main_metric(pool.metric_names) or LOSS
    rules = pool.commonest_protocol(metric, pool.arms)
    measured = replace(metric_columns(pool, metric)[0], number=None, protocol=rules)
    means = pool.means(metric, rules)
    order = sorted(means, key=lambda arm: means[arm], reverse=measured.better == "higher")
    columns = [measured, Column(OURS, f"over {BESIDE}'s", find_metric(metric).better)]
    least = metric_columns(pool, f"{EXCESS}_plan")[:1] if metric == EXCESS else []
    rows = tuple(
        Row(
            arm,
            (cell(pool, arm, measured), _beside(pool, arm, measured), *(cell(pool, arm, c) for c in least)),
        )
        for arm in order
    )
    why = why_no_verdict(pool)
    notes = [
        seeds_note(pool),
        Note("other", f"over {BESIDE}'s: ratio to it seed by seed, with its 95 % interval"),
        *([Note("no verdict", f"no verdict: {why}")] if why else []),
        *(note for note in origin_notes(pool) if note.kind != "shared"),
        *protocol_notes([measured]),
    ]
    title = f"Scale {pool.scale}, setting {pool.setting}: {len(rows)} scans"
    return Part(pool.scale, pool.setting, title, (*columns, *least), rows, tuple(notes), corner="scan")


def _beside(pool: Sheet, arm: str, column: Column) -> Cell:
    seeds, values = pool.in_common((arm, BESIDE), column.metric, column.protocol)
    if arm == BESIDE or not seeds:
        return None
    try:
        return str(paired_ratio(*values.T.tolist()).ratio)
    except ValueError:  # a value that is not above zero has no ratio
        return None

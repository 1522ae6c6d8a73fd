"""Decision accuracy: how often a smaller scale predicts which of two arms a larger one prefers, by compute.

As in DataDecide (arXiv 2504.11393), with every pair of arms that both have; here also against the paper's own numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.agreement import metric_names, paper_column
from analysis.claims.deciding import decider, oriented_logs, why_unlearned
from analysis.metrics import paper_better
from analysis.records import Records, Sheet, declared_sheets, device_of
from studies.declare.registry import studies
from studies.declare.study import SCALES
from studies.run.record import Record

PRINTED = "printed"


@dataclass(frozen=True)
class DecisionAccuracy:
    """How often one seed of a small run orders two arms as a larger scale's mean does."""

    study: str
    scale: str
    setting: str
    metric: str
    larger: str  # "desk digits-16", or "printed 256 FID" of the paper
    pairs: int  # of arms
    seeds: int  # the most that a pair has in common
    decisions: int  # of each pair, its seeds
    right: int
    device_seconds: float  # of training one arm with one seed; nan where they are not recorded
    device_kind: str  # cpu, cuda
    unlearned: str  # why the smaller networks should not be trusted yet
    records: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.right / self.decisions


def all_decisions(records: Records) -> list[DecisionAccuracy]:
    """How often each study's smaller scales predict its larger ones and the paper."""
    by_study = [
        {scale: declared_sheets(study, records, scale) for scale in study.scales}
        for study in studies().values()
    ]
    return [item for by_scale in by_study for item in decision_accuracies(by_scale)]


def decision_accuracies(by_scale: Mapping[str, Mapping[str, Sheet]]) -> list[DecisionAccuracy]:
    """Of one study (scale -> setting -> sheet): every setting against those of each larger scale, and the paper."""
    scales = [scale for scale in SCALES if scale in by_scale]
    made = []
    for small, large in combinations(scales, 2):
        for sheet in by_scale[small].values():
            for larger in by_scale[large].values():
                if (metric := decider(larger)) is not None:
                    # of one protocol; what judges quality is better where it is lower
                    means = larger.means(metric, larger.commonest_protocol(metric, larger.arms))
                    made.append(accuracy(sheet, means, f"{large} {larger.setting}"))
    for scale in scales:
        for sheet in by_scale[scale].values():
            made += [accuracy(sheet, values, f"{PRINTED} {column}") for column, values in _printed(sheet)]
    return [item for item in made if item is not None]


def accuracy(sheet: Sheet, larger: Mapping[str, float], name: str) -> DecisionAccuracy | None:
    """Of a sheet against the larger scale's values (arm -> lower is better); None without a pair of arms."""
    metric = decider(sheet)
    arms = [arm for arm in sheet.arms if arm in larger and metric and sheet.values(arm, metric)]
    if metric is None:
        return None
    pairs = {
        pair: logs
        for pair in combinations(arms, 2)
        if larger[pair[0]] != larger[pair[1]] and (logs := oriented_logs(sheet, pair, metric)) is not None
    }
    if not pairs:
        return None
    right = sum(
        int(np.sum((values[:, 0] < values[:, 1]) == (larger[a] < larger[b])))
        for (a, b), (_, values) in pairs.items()
    )
    used = {(arm, seed) for pair, (seeds, _) in pairs.items() for arm in pair for seed in seeds}
    runs = [record for arm in arms for record in sheet.done(arm) if (arm, record["seed"]) in used]
    one = len({device_of(record) for record in runs}) == 1  # else their mean is of no machine
    seconds = [s for record in runs if one and (s := _seconds(record)) is not None]
    return DecisionAccuracy(
        study=sheet.study.name,
        scale=sheet.scale,
        setting=sheet.setting,
        metric=metric,
        larger=name,
        pairs=len(pairs),
        seeds=max(len(seeds) for seeds, _ in pairs.values()),
        decisions=sum(len(seeds) for seeds, _ in pairs.values()),
        right=right,
        device_seconds=float(np.mean(seconds)) if seconds else float("nan"),
        device_kind=str(next((r["environment"].get("device_kind", "") for r in runs), "")),
        unlearned=why_unlearned(sheet, metric),
        records=tuple(record["identity"] for record in runs),
    )


def _printed(sheet: Sheet) -> Iterator[tuple[str, dict[str, float]]]:
    """The paper's column that the sheet stands in for: its name, and its values, lower is better."""
    names = metric_names(sheet)
    column = next((c for name in names if (c := paper_column(sheet, name)) is not None), None)
    if column is not None and paper_better(column) == "lower" and decider(sheet) is not None:
        study = sheet.study
        once = [arm for arm in study.arms if arm.name not in study.second_readings]
        yield column, {arm.name: arm.paper[column] for arm in once if column in arm.paper}


def _seconds(record: Record) -> float | None:
    """Device-seconds of training: of all devices that shared it."""
    seconds = record.data.get("wall_time_s", {}).get("training")
    devices = record.data.get("cost", {}).get("devices", 1)
    return None if seconds is None else float(seconds) * float(devices)

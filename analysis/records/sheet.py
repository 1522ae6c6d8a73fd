"""The records of a study at one scale and setting, arm by arm, and why the others do not count."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from analysis.records.collection import Records
from analysis.records.current import hashes_here, one_set
from analysis.records.keys import differences, in_words, key
from analysis.records.protocol import Protocol
from studies.declare.changes import SCAN_PATHS, change
from studies.declare.identity import as_recorded
from studies.declare.own_data import is_own_images
from studies.declare.study import Study, runs
from studies.run.record import Record
from zigma.experiment.config import Config

_FOLDERS = re.compile(r"[^\s+(),:=@]*/(?=[^/]*\.(?:py|npy)\b)")  # of a person's files, inside a plan too


@dataclass(eq=False)  # one is itself alone, so that what is read off it can be remembered
class Sheet:
    """The records of a study at one scale and setting, by arm; each arm's in the order of their seeds."""

    study: Study
    scale: str
    setting: str
    source: Records = field(default_factory=Records, repr=False)
    arms: dict[str, list[Record]] = field(default_factory=dict)
    # records of this study that it no longer declares, or of other fingerprints: arm, record and why
    stale: list[tuple[str, Record, str]] = field(default_factory=list)

    @cached_property
    def declared(self) -> Sheet:
        """The same without arms that a user added: what is said of the study's own does not hang on them."""
        names = {arm.name for arm in self.study.arms}
        kept = {arm: records for arm, records in self.arms.items() if arm in names}
        return self if len(kept) == len(self.arms) else replace(self, arms=kept, stale=[])

    @cached_property
    def config(self) -> Config:
        """What all arms start from in this setting, with the user's changes."""
        return self.study.config(None, self.scale, self.setting)

    @property
    def changes(self) -> dict[str, str]:
        """What `--set` was given that this setting has a field for: path -> value, as a person types them."""
        return {
            path: value if isinstance(value, str) else json.dumps(value)
            for path, value in self.study.changes.items()
            if path.partition(".")[0] in type(self.config).model_fields
        }

    @property
    def changed(self) -> str:
        """The same as a reader is told: `training.steps=30, data.name=my_data.py:ramps`."""
        return ", ".join(f"{path}={_FOLDERS.sub('', value)}" for path, value in self.changes.items())

    @property
    def own_data(self) -> bool:
        """Whether its images are a person's own, so that no column of the paper stands beside them."""
        changed = self.study.changes.keys()  # a root says where the data lie, and a size is not another set
        return is_own_images(self.config) or not changed.isdisjoint({"data", "data.name"})

    @property
    def records(self) -> list[Record]:
        return [record for records in self.arms.values() for record in records]

    @cached_property
    def _by_seed(self) -> Mapping[tuple[str, str], list[tuple[int, float, Protocol]]]:
        values: dict[tuple[str, str], list[tuple[int, float, Protocol]]] = defaultdict(list)
        for arm, records in self.arms.items():
            for record in records:
                seed = record["seed"]
                for metric, value, _, _, protocol in self.source.metrics_of(record):
                    values[arm, metric].append((seed, value, protocol))
        return values

    @cached_property
    def metric_names(self) -> list[str]:
        """The metrics of the finished runs, each once, in the order of the source."""
        in_order = sorted(self.records, key=lambda record: self.source.place[record["identity"]])
        return list(dict.fromkeys(row[0] for record in in_order for row in self.source.metrics_of(record)))

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

    def by_seed(self, arm: str, metric: str, protocol: Protocol | None = None) -> dict[int, float]:
        """Seed -> the metric of an arm's finished runs; of one protocol, where that is given."""
        rows = self._by_seed.get((arm, metric), [])
        return {seed: value for seed, value, rules in rows if protocol in (None, rules)}

    def means(self, metric: str, protocol: Protocol | None = None) -> dict[str, float]:
        """Arm -> the mean over its seeds, of the arms that have the metric; of one protocol, where that is given."""
        values = {arm: list(self.by_seed(arm, metric, protocol).values()) for arm in self.arms}
        return {arm: float(np.mean(of_arm)) for arm, of_arm in values.items() if of_arm}

    @cached_property
    def _rules(self) -> dict[tuple[str, str], Counter[Protocol]]:
        """How many values of an arm's metric follow each protocol, in the order of the seeds."""
        return {place: Counter(rules for _, _, rules in rows) for place, rows in self._by_seed.items()}

    def protocols(self, metric: str, arms: Iterable[str] | None = None) -> list[Protocol]:
        """Every protocol by which a metric was made, in the order of arms and seeds."""
        names = self.arms if arms is None else arms
        return list(dict.fromkeys(rules for arm in names for rules in self._rules.get((arm, metric), ())))

    def commonest_protocol(self, metric: str, arms: Iterable[str]) -> Protocol | None:
        """The protocol that most values of these arms follow; of equally many, the one that comes first."""
        rules: Counter[Protocol] = Counter()
        for arm in arms:
            rules.update(self._rules.get((arm, metric), {}))
        return rules.most_common(1)[0][0] if rules else None

    def in_common(
        self, arms: Sequence[str], metric: str, protocol: Protocol | None = None
    ) -> tuple[list[int], npt.NDArray[np.float64]]:
        """The seeds that every one of the arms has, and their values (seeds, arms), all of one protocol.

        That is the one given, or else the one that most values of these arms follow.
        """
        rules = self.commonest_protocol(metric, arms) if protocol is None else protocol
        by_arm = [self.by_seed(arm, metric, rules) for arm in arms]
        seeds = sorted(set.intersection(*(set(values) for values in by_arm))) if by_arm else []
        values = np.array([[values[seed] for values in by_arm] for seed in seeds], dtype=float)
        return seeds, values.reshape(len(seeds), len(arms))


def sheets(study: Study, records: Records, scale: str) -> dict[str, Sheet]:
    """Setting -> the records of a study at a scale, whichever study ran them first; none where it is not declared.

    Made once for a study and remembered with the records: tables, claims and figures ask for the same sheets.

    A record of this study whose configuration differs from the study's in the scan alone is an arm that a user
    added, and gets a row of its own; any other that is not declared is stale. In every row, declared or added, only
    records of one set of fingerprints count.
    """
    of, by_setting = records.sheets.get((study.name, scale), (None, {}))
    if of is study:
        return by_setting
    by_setting = _sheets(study, records, scale) if scale in study.scales else {}
    records.sheets[study.name, scale] = study, by_setting
    return by_setting


def declared_sheets(study: Study, records: Records, scale: str) -> dict[str, Sheet]:
    """`sheets` without arms that a user added."""
    return {setting: sheet.declared for setting, sheet in sheets(study, records, scale).items()}


def _sheets(study: Study, records: Records, scale: str) -> dict[str, Sheet]:
    by_setting = {setting: Sheet(study, scale, setting, records) for setting in study.scales[scale]}
    declared: dict[str, dict[str, Config]] = defaultdict(dict)
    for run in runs(study, scale):
        declared[run.setting][run.arm] = run.config
    for setting, sheet in by_setting.items():
        _fill(sheet, declared[setting], records)
    _leave_out_copies(by_setting.values())
    return by_setting


def _leave_out_copies(by_setting: Iterable[Sheet]) -> None:
    """Empty a sheet that has no run of its own, such as Mamba's alone where others were to have its parameters."""
    counted: set[str] = set()
    for sheet in by_setting:
        identities = {record["identity"] for record in sheet.records}
        if identities <= counted:
            sheet.arms = {arm: [] for arm in sheet.arms}
        counted |= identities


def _fill(sheet: Sheet, declared: Mapping[str, Config], records: Records) -> None:
    keys = set()
    for arm, config in declared.items():
        this = key(as_recorded(config))
        keys.add(this)
        of_key = records.by_key.get(this, [])
        if is_own_images(config):  # two folders of images have one configuration but for where they lie
            of_key = [record for record in of_key if record["setting"] == sheet.setting]
        _take(sheet, arm, of_key, config)
    base = sheet.config
    plain = as_recorded(base)
    added: dict[str, list[Record]] = defaultdict(list)
    for record in records.by_place.get((sheet.study.name, sheet.scale, sheet.setting), []):
        if records.keys[record["identity"]] in keys:
            continue
        arm = record["arm"]
        if arm not in declared and differences(record["config"], plain).keys() <= SCAN_PATHS:
            added[arm].append(record)
        else:
            sheet.stale.append((arm, record, _why(record, declared.get(arm), base)))
    for arm, of_arm in added.items():
        _take(sheet, arm, of_arm, _with_scan(base, of_arm[0]))


def _take(sheet: Sheet, arm: str, records: Iterable[Record], config: Config | None) -> None:
    records = list(records)
    row = one_set(records, hashes_here(config) if records else {})
    sheet.arms[arm] = row.current
    sheet.stale += [(arm, record, why) for record, why in row.stale]


def _with_scan(base: Config, record: Record) -> Config | None:
    """The configuration of an arm that a user added; None where its curve is not here."""
    changed = {path: theirs for path, (theirs, _) in differences(record["config"], as_recorded(base)).items()}
    try:
        return change(base, changed)
    except ValueError:  # a WordError is one
        return None


def _why(record: Record, config: Config | None, base: Config) -> str:
    """What changed since; of an arm that the study does not have, the scan apart, for it may be the user's own."""
    changed = differences(record["config"], as_recorded(config or base))
    if config is None:
        changed = {path: both for path, both in changed.items() if path not in SCAN_PATHS}
    return in_words(changed, "{} was {}, is {}")

"""What a study, an arm and a run are, and when two runs are the same run. No torch is imported here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, get_type_hints

from zigma.common.words import WordError, unknown
from zigma.data.config import DataConfig
from zigma.experiment.config import Config, MeasurementConfig, RunConfig, ScanConfig
from zigma.models.config import ZigMaConfig

SCALES = ("tiny", "small", "paper")
ConfigT = TypeVar("ConfigT", RunConfig, MeasurementConfig, ScanConfig, Config)


@dataclass(frozen=True)
class Arm:
    """A row of a study's table: what is changed from the study's configuration, and what the paper printed.

    `at` holds further changes at one scale (`"tiny"`), in one setting (`"speed"`) or in one setting at one scale
    (`"tiny/speed"`), made in that order after `changes`.
    """

    name: str
    changes: Mapping[str, Any]  # dotted path of the configuration -> value
    paper: Mapping[str, float] = field(default_factory=dict)  # column of the paper's table -> printed value
    at: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """An experiment of the paper: its arms, and at each scale the settings under which they are compared.

    A setting is one data set at one size (the paper's Table 1 has two: 256 and 512).
    """

    name: str
    shows: str  # the table or figure it rebuilds
    title: str
    arms: tuple[Arm, ...]
    scales: Mapping[
        str, Mapping[str, Config]
    ]  # scale -> setting -> configuration; the first one is run by default
    stands_for: Mapping[str, str] = field(
        default_factory=dict
    )  # setting -> the paper's column that it stands in for
    notes: tuple[
        str, ...
    ] = ()  # which source the presets follow where the paper disagrees with itself, and why
    second_readings: Mapping[str, str] = field(
        default_factory=dict
    )  # arm -> the arm beside which the same row of the paper stands too: its numbers count once
    changes: Mapping[str, Any] = field(default_factory=dict)  # the user's own, made last (`with_settings`)

    def config(self, arm: Arm | None, scale: str, setting: str) -> Config:
        """What an arm computes under a setting at a scale; without an arm, what all of them start from.

        Raises:
            WordError: changes do not fit the setting's configuration.
        """
        config = self.scales[scale][setting]
        if arm is not None:
            for changes in (
                arm.changes,
                *(arm.at.get(k, {}) for k in (scale, setting, f"{scale}/{setting}")),
            ):
                config = change(config, changes)
        there = {f.name for f in fields(config)}
        return change(config, {k: v for k, v in self.changes.items() if k.partition(".")[0] in there})


@dataclass(frozen=True)
class Run:
    """An arm with setting, scale and seed."""

    study: str
    arm: str
    scale: str
    setting: str
    config: Config

    @property
    def about(self) -> dict[str, Any]:
        """Which run this is, in the words of a record, a claim and a submission."""
        return {
            "study": self.study,
            "arm": self.arm,
            "scale": self.scale,
            "setting": self.setting,
            "seed": self.config.seed,
        }

    @property
    def label(self) -> str:
        return label_of(self.about)

    @property
    def identity(self) -> str:
        return identity(self.config)


def label_of(about: Mapping[str, Any]) -> str:
    """A run's name in a line, from what a file says of it."""
    return f"{about.get('arm', '?')} {about.get('setting', '?')} seed {about.get('seed', '?')}"


def runs(
    study: Study,
    scale: str,
    seeds: Iterable[int] = (0,),
    changes: Mapping[str, Any] | None = None,
    settings: Iterable[str] | None = None,
) -> list[Run]:
    """Every run of a study at a scale, seed by seed; `changes` are the user's own, made last.

    `settings` names those wanted; by default all.
    """
    if scale not in study.scales:
        raise unknown("scale", scale, study.scales)
    study, wanted = with_settings(study, changes or {}), list(settings or study.scales[scale])
    found = []
    for seed in seeds:
        for setting in wanted:
            for arm in study.arms:
                config = replace(study.config(arm, scale, setting), seed=seed)
                found.append(Run(study.name, arm.name, scale, setting, config))
    return found


def with_settings(study: Study, changes: Mapping[str, Any]) -> Study:
    """The study with the user's changes made last, in every setting whose kind of run has that field.

    Raises:
        WordError: no setting of the study has such a field.
    """
    bases = [config for settings in study.scales.values() for config in settings.values()]
    known = dict.fromkeys(f.name for config in bases for f in fields(config))
    for path in changes:
        if path.partition(".")[0] not in known:
            raise unknown("setting", path.partition(".")[0], known)
    return replace(study, changes={**study.changes, **changes})


def change_faults(bases: Iterable[Config], changes: Mapping[str, Any]) -> list[str]:
    """Each of the changes that names no field of any of the configurations, or whose value has the wrong type.

    What only fits together is not judged here, one change at a time: `change` does that.
    """
    faults, bases = [], list(bases)
    known = dict.fromkeys(f.name for base in bases for f in fields(base))
    for path, value in changes.items():
        root = path.partition(".")[0]
        if root not in known:
            faults.append(str(unknown("setting", root, known)))
        for base in bases:
            if root in {f.name for f in fields(base)}:
                try:
                    _check_change(base, path, value)
                except WordError as error:
                    faults.append(str(error))
    return list(dict.fromkeys(faults))


def _check_change(config: Config, path: str, value: Any) -> None:
    part: Any = config
    parts = path.split(".")
    for depth, name in enumerate(parts):
        above = ".".join(parts[:depth])
        if not is_dataclass(part):
            raise WordError(f"{above} has no settings inside it, such as {path}")
        names = [f.name for f in fields(part)]
        if name not in names:
            raise unknown("setting", path, [f"{above}.{word}" if above else word for word in names])
        if depth + 1 == len(parts):
            _checked(type(part), name, value, path)
        part = getattr(part, name)


def with_scans(study: Study, scans: Iterable[str]) -> Study:
    """The study with an arm more for each scan: `my_curves.py:spiral`, a curve of a file, or a plan by its name.

    A curve's eight variants are read in turn (`spiral-8`), as the paper does with its zigzags; `FILE:NAME-2` asks
    for two of them.
    """
    plans = dict.fromkeys(map(_plan, scans))
    bases = [config for settings in study.scales.values() for config in settings.values()]
    path = "scan" if all(isinstance(config, ScanConfig) for config in bases) else "model.scan"
    added = tuple(Arm(plan, {path: plan}) for plan in plans)
    declared = {arm.name for arm in study.arms}
    return replace(study, arms=study.arms + tuple(arm for arm in added if arm.name not in declared))


def _plan(scan: str) -> str:
    if ".py:" not in scan:
        return scan
    curve, _, count = scan.rpartition("-")
    if not count.isdecimal():
        curve, count = scan, "8"
    name = read_curve(curve)
    return f"{name}-{count}"


def read_curve(curve: str) -> str:
    """Read a curve of a user's file, `my_curves.py:spiral`, again where it was read before; returns its name."""
    from zigma.scans import load_scan

    name = load_scan(curve)
    _orders.cache_clear()  # the file may have changed what the name means
    fingerprints.cache_clear()
    return name


def change(config: ConfigT, changes: Mapping[str, Any]) -> ConfigT:
    """`config` with the values at dotted paths replaced: `change(c, {"training.steps": 2000})`.

    Raises:
        WordError: a path names no field, or a value does not fit it; one line with the right words.
    """
    tree: dict[str, Any] = {}
    for path, value in changes.items():
        *parts, name = path.split(".")
        branch = tree
        for part in parts:
            branch = branch.setdefault(part, {})
            if not isinstance(branch, dict):
                raise WordError(f"{path}: {part} is set as a whole as well")
        branch[name] = value
    changed: ConfigT = _change(config, tree, "")
    return changed


def _change(part: Any, tree: Mapping[str, Any], above: str) -> Any:
    """Replace all fields of one part at once: changes that only fit together must not be refused one by one."""
    known = [f.name for f in fields(part)]
    values = {}
    for name, value in tree.items():
        path = above + name
        if name not in known:
            raise unknown("setting", path, [above + word for word in known])
        if not isinstance(value, dict):
            values[name] = _checked(type(part), name, value, path)
        elif is_dataclass(getattr(part, name)):
            values[name] = _change(getattr(part, name), value, path + ".")
        else:
            raise WordError(f"{path} has no settings inside it, such as {path}.{next(iter(value))}")
    try:
        return replace(part, **values)
    except ValueError as error:
        raise WordError(f"{above.removesuffix('.') or 'configuration'}: {error}") from error


def _checked(owner: type, name: str, value: Any, path: str) -> Any:
    from pydantic import ValidationError

    try:
        return _adapter(owner, name).validate_python(value)
    except ValidationError as error:
        raise WordError(f"{path}={value}: {error.errors()[0]['msg'].lower()}") from error


@cache
def _adapter(owner: type, name: str) -> Any:
    """What checks the values of a field; it takes a millisecond to make."""
    from pydantic import TypeAdapter

    return TypeAdapter(_hints(owner)[name])


@cache
def _hints(owner: type) -> dict[str, Any]:
    return get_type_hints(owner)


def parse_setting(text: str) -> tuple[str, Any]:
    """`training.steps=2000` as a path and a value; the value is JSON, or else a word."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise WordError(f"--set takes path=value, such as training.steps=2000, not {text!r}")
    try:
        return path, json.loads(value)
    except json.JSONDecodeError:
        return path, None if value == "none" else value


def known_identity(config: Config) -> str | None:
    """`identity`, or None where this machine lacks the data or the weights that it names: nobody ran it here."""
    try:
        return identity(config)
    except (
        ValueError,
        FileNotFoundError,
    ):  # said in full by whoever asks for such a run: see studies.declare.validate
        return None


def identity(config: Config) -> str:
    """A hash of all that decides a run's numbers: configuration, the orders its plan reads, data and protocol.

    The same run in two tables has one identity, so it runs once. Hashing the orders themselves, not only the
    plan's name, makes a record stale when a curve's code changes, a user's own curve included.
    """
    return identity_of(asdict(config), fingerprints(config))


def identity_of(config: Mapping[str, Any], hashes: Mapping[str, str]) -> str:
    """The identity of a configuration as a dict, such as a record's, with the hashes of what it names."""
    whole: dict[str, Any] = {"config": dict(config), **hashes}
    if "data" in whole["config"]:  # where the data lies does not enter; what it is stands in its hash
        whole["config"]["data"] = {k: v for k, v in whole["config"]["data"].items() if k != "root"}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@cache
def fingerprints(config: Config) -> dict[str, str]:
    """Hashes of what a configuration names but does not contain: the data, the networks that judge it, the orders."""
    orders = orders_fingerprint(config)
    found = {} if orders is None else {"orders": orders}
    if isinstance(config, RunConfig):
        from zigma.data import autoencoder_identity
        from zigma.metrics import extractor_identity

        found["data"] = _data_fingerprint(config.data)
        found |= {f"extractor {name}": extractor_identity(name) for name in config.evaluation.extractors}
        if config.data.view == "latents":
            found["autoencoder"] = autoencoder_identity()
    return found


@cache
def _data_fingerprint(data: DataConfig) -> str:
    from zigma.data import fingerprint

    return fingerprint(data)


def orders_fingerprint(config: Config) -> str | None:
    """A hash of the orders that a configuration's layers read; None for a network that scans nothing."""
    if isinstance(config, ScanConfig):
        return _orders(config.scan, config.grid, config.depth)
    if isinstance(config.model, ZigMaConfig):
        return _orders(config.model.scan, config.model.token_grid, config.model.depth)
    return None


@cache
def _orders(plan: str, grid: tuple[int, ...], depth: int) -> str:
    from zigma.scans import ParallelScan, scan_plan

    digest = hashlib.sha256()
    for layer in scan_plan(plan, grid=grid, depth=depth):
        for order in layer.scans if isinstance(layer, ParallelScan) else (layer,):
            digest.update(f"{order.segments}:".encode() + order.order.tobytes())
    return digest.hexdigest()[:16]

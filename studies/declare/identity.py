"""When two runs are the same run: a hash of all that decides their numbers. No torch is imported here.

A field that a configuration gains later must not make every record stale: declare it with
`zigma.common.configuration.later(default)`. At its default it then stands in no dump and enters no identity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from zigma.common.plugged import DATA, EXTRACTORS, MIXERS, ORDERINGS, Socket, short
from zigma.data.config import DataConfig
from zigma.experiment.config import NUMERICS, Config, RunConfig, ScanConfig
from zigma.metrics.config import is_own
from zigma.models.config import ZigMaConfig
from zigma.models.specs import OwnMixerSpec, OwnOrdering

if TYPE_CHECKING:
    from zigma.scans import Plan


def identity(config: Config) -> str:
    """A hash of all that decides a run's numbers: configuration, the orders its plan reads, data and protocol.

    The same run in two tables has one identity, so it runs once. Hashing the orders themselves, not only the
    plan's name, makes a record stale when a curve's code changes, a user's own curve included.
    """
    return identity_of(as_recorded(config), fingerprints(config))


def as_recorded(config: Config) -> dict[str, Any]:
    """A configuration as records hold it: a plan by its name, without the folders of this machine."""
    plain, plan = config.model_dump(mode="json"), plan_of(config)
    for place, _, text in _plugged(config):
        *parts, field = place
        part = plain
        for name in parts:
            part = part[name]
        part[field] = short(text)
    if plan is not None:
        (plain if isinstance(config, ScanConfig) else plain["model"])["scan"] = plan.name
    return plain


def plan_of(config: Config) -> Plan | None:
    """The plan of a configuration, a user's file read as it is now; None for a network that scans nothing."""
    if isinstance(config, ScanConfig):
        return _parsed(config.scan)
    return _parsed(config.model.scan) if isinstance(config.model, ZigMaConfig) else None


# those that no file can change: a list of all studies asks for each many times
_parsed_before: dict[str, Plan] = {}


def _parsed(text: str) -> Plan:
    from zigma.scans import parse_plan

    plan = _parsed_before.get(text) or parse_plan(text)
    if not plan.files:
        _parsed_before[text] = plan
    return plan


def identity_of(config: Mapping[str, Any], hashes: Mapping[str, str]) -> str:
    """The identity of a configuration as a dict, such as a record's, with the hashes of what it names."""
    whole: dict[str, Any] = {"config": dict(config), **hashes}
    model = whole["config"].get("model")
    if "training" in whole["config"] and isinstance(model, Mapping) and model.get("gradient_checkpointing"):
        # it saves memory, and changes no number of a run that trains
        whole["config"]["model"] = {**model, "gradient_checkpointing": False}
    if "data" in whole["config"]:  # where the data lies does not enter; what it is stands in its hash
        whole["config"]["data"] = {k: v for k, v in whole["config"]["data"].items() if k != "root"}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def identity_here(config: Config) -> str | None:
    """`identity`, or None where this machine lacks the data or the weights that it names: nobody ran it here."""
    try:
        return identity(config)
    except (ValueError, FileNotFoundError):
        # whoever asks for such a run is told why: studies.declare.validate
        return None


def fingerprints(config: Config) -> dict[str, str]:
    """Hashes of what a configuration names but does not contain: the data, the networks that judge it, the orders."""
    return _fingerprints(config, plan_of(config)) | own_fingerprints(config)


def own_fingerprints(config: Config) -> dict[str, str]:
    """Those of what comes from a person's files or from other packages."""
    return {
        f"extractor {short(text)}" if socket is EXTRACTORS else socket.what: socket.identity(text)
        for _, socket, text in _plugged(config)
    }


def _plugged(config: Config) -> Iterator[tuple[tuple[Any, ...], Socket, str]]:
    """What a configuration takes from files and packages of others, beside its plan: where it stands, and its name."""
    if isinstance(config, ScanConfig):
        return
    if isinstance(config, RunConfig):
        if config.data.is_own:
            yield ("data", "name"), DATA, config.data.name
        for i, name in enumerate(config.evaluation.extractors):
            if is_own(name):
                yield ("evaluation", "extractors", i), EXTRACTORS, name
    if isinstance(config.model, ZigMaConfig) and isinstance(config.model.mixer, OwnMixerSpec):
        yield ("model", "mixer", "source"), MIXERS, config.model.mixer.source
    if isinstance(config.model, ZigMaConfig) and isinstance(config.model.ordering, OwnOrdering):
        yield ("model", "ordering", "source"), ORDERINGS, config.model.ordering.source


@cache
def _fingerprints(config: Config, plan: Plan | None) -> dict[str, str]:
    orders = orders_fingerprint(config)
    hashes = {} if orders is None else {"orders": orders}
    if NUMERICS != 1:
        hashes["numerics"] = str(NUMERICS)
    if isinstance(config, RunConfig):
        from zigma.data import autoencoder_identity
        from zigma.metrics import extractor_identity

        hashes["data"] = _data_fingerprint(config.data)
        ours = [name for name in config.evaluation.extractors if not is_own(name)]
        hashes |= {f"extractor {name}": extractor_identity(name) for name in ours}
        if config.data.view == "latents":
            hashes["autoencoder"] = autoencoder_identity()
    return hashes


@cache
def _data_fingerprint(data: DataConfig) -> str:
    from zigma.data import fingerprint

    return fingerprint(data)


def orders_fingerprint(config: Config) -> str | None:
    """A hash of the orders that a configuration's layers read; None for a network that scans nothing."""
    plan = plan_of(config)
    if plan is None:
        return None
    from zigma.scans.again import orders_hash

    return orders_hash(plan, *tokens_of(config))


def tokens_of(config: Config) -> tuple[tuple[int, ...], int]:
    """The grid of tokens on which a configuration's layers read them, and how many layers there are."""
    if isinstance(config, ScanConfig):
        return config.grid, config.depth
    return config.model.token_grid, config.model.depth

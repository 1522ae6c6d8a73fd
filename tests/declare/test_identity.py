"""A run keeps its identity: in every record that ships, and when configurations gain fields."""

import json
from pathlib import Path
from typing import Any

import pytest

from studies.declare.identity import identity, identity_of
from studies.declare.registry import find_study
from studies.declare.study import runs
from zigma.common.configuration import Configuration, later
from zigma.experiment.config import read_config

PUBLISHED = Path(__file__).parents[2] / "results" / "published"


def published() -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(PUBLISHED.glob("tiny/*/*.json"))]


def test_every_published_record_keeps_its_identity() -> None:
    records = published()
    assert len(records) >= 613
    for record in records:
        assert identity_of(record["config"], record["fingerprints"]) == record["identity"]
        config = read_config(record["config"])  # by way of today's classes, defaults filled in
        assert identity_of(config.model_dump(mode="json"), record["fingerprints"]) == record["identity"]


@pytest.mark.parametrize("name", ["spatial_continuity", "model_sizes", "curves", "order_receptive_field"])
def test_declarations_still_name_the_published_runs(name: str) -> None:
    identities = {record["identity"] for record in published() if record["study"] == name}
    assert identities
    assert identities & {run.identity for run in runs(find_study(name), "tiny")}


class Older(Configuration):
    """A part as it was recorded."""

    steps: int = 5


class Newer(Older):
    """The same part, and what came later."""

    schedule: str = later("constant")


def test_a_field_that_came_later_enters_once_it_is_set() -> None:
    older = Older().model_dump(mode="json")
    assert Newer().model_dump(mode="json") == older
    assert Newer(schedule="constant").model_dump(mode="json") == older
    assert Newer(schedule="cosine").model_dump(mode="json") == older | {"schedule": "cosine"}
    assert Newer.model_validate(older).schedule == "constant"
    assert Newer.model_validate(older) == Newer()
    assert hash(Newer.model_validate(older)) == hash(Newer(schedule="constant"))


def test_what_saves_memory_and_changes_no_number_does_not_enter() -> None:
    config = find_study("scan_ablation").scales["tiny"]["digits-8"]
    saving = config.replace(model=config.model.replace(gradient_checkpointing=True))  # type: ignore[union-attr]
    assert identity(saving) == identity(config)
    cost = find_study("complexity").scales["tiny"]
    measured = next(iter(cost.values()))  # what it saves is a number of these
    assert identity(
        measured.replace(model=measured.model.replace(gradient_checkpointing=True))  # type: ignore[union-attr]
    ) != identity(measured)


def test_where_shards_lie_does_not_enter() -> None:
    config = find_study("coco").scales["paper"]["coco-256"].model_dump(mode="json")
    elsewhere = config | {"data": config["data"] | {"root": "/elsewhere"}}
    assert identity_of(config, {}) == identity_of(elsewhere, {})


def test_identity_here_needs_no_record() -> None:
    tiny = find_study("scan_ablation").scales["tiny"]["digits-8"]
    assert identity(tiny) == identity(tiny.model_copy())

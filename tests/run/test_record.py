"""Records: whole or not there, checked before they are believed, never lost."""

import copy
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_records import CONFIG, IDENTITY, path_of, record, sealed

from studies.declare.identity import identity_of
from studies.declare.study import Run
from studies.run import record as records
from studies.run.carry_out import carry_out
from studies.run.conditions import Conditions
from studies.run.publish import write_record
from studies.run.record import (
    LARGEST_BYTES,
    check_record,
    checksum,
    read_record,
    read_records,
    record_files,
    recorded,
)
from zigma.common.words import WordError
from zigma.experiment.config import ScanConfig

PUBLISHED = Path(__file__).parents[2] / "results" / "published"


def test_write_read_find(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    write_record(path, record())
    assert read_record(path).data == sealed()
    assert recorded(tmp_path) == {IDENTITY: path}
    metric = read_record(path).metric("held_out_loss")
    assert metric is not None
    assert metric["value"] == 0.5
    assert read_record(path).metric("fid") is None


DEEP = json.loads("[" * 60 + "]" * 60)
CURVE = {"step": [1, 2], "value": [0.5, 0.25]}
BAD: dict[str, tuple[Any, str]] = {
    "cut short": ('{"schema": 1, "stud', "is not a record"),
    "a list": ("[]", "a JSON object, not list"),
    "nothing": ("null", "a JSON object, not NoneType"),
    "not UTF-8": (b"\xff\xfe", "is not a record"),
    "brackets": ("[" * 100_000, "is not a record"),
    "a key twice": ('{"schema": 1, "seed": 1, "seed": 2}', "the key 'seed' stands twice"),
    "infinity by its exponent": (
        json.dumps(record(cost={"device_hours": 7})).replace("7", "1e999"),
        "finite",
    ),
    "NaN": (json.dumps(record(metrics=[{"name": "fid", "value": float("nan")}])), "NaN is no number"),
    "NaN deep inside": (record(skipped={"real": {"n": float("inf")}}), "Infinity is no number"),
    "1e999 deep inside": (
        json.dumps(record(skipped={"real": 7})).replace("7", "1e999"),
        "not JSON compliant",
    ),
    "half a character": (record(config={"name": "\ud800"}), "surrogates not allowed"),
    "half a character in a name": (record(arm="\ud800"), "arm: "),
    "newer": (record(schema=99), "update this project"),
    "schema 0": (record(schema=0), "move it away"),
    "schema true": (record(schema=True), "schema True"),
    "schema text": (record(schema="1" * 99), "move it away"),
    "status": (record(status="perhaps"), "status: input should be 'done' or 'failed'"),
    "seed": (record(seed="0"), "seed: input should be a valid integer"),
    "seed true": (record(seed=True), "seed: "),
    "seed too large": (record(seed=2**63), "seed: "),
    "arm": (record(arm=7), "arm: input should be a valid string"),
    "arm with a line break": (record(arm="a\nb"), "control characters"),
    "arm with an escape": (record(arm="\x1b[31m"), "control characters"),
    "a metric without value": (record(metrics=[{"name": "fid"}]), "metrics.0.value: field required"),
    "a metric of text": (record(metrics=[{"name": "fid", "value": "12"}]), "metrics.0.value: "),
    "a metric that is true": (record(metrics=[{"name": "fid", "value": True}]), "metrics.0.value: "),
    "a metric too large": (record(metrics=[{"name": "fid", "value": 10**400}]), "metrics.0.value: "),
    "a metric's name": (record(metrics=[{"name": ["fid"], "value": 1}]), "metrics.0.name: "),
    "a metric's settings": (
        record(metrics=[{"name": "fid", "value": 1, "settings": 3}]),
        "metrics.0.settings",
    ),
    "metrics": (record(metrics={}), "metrics: input should be a valid list"),
    "fingerprints": (record(fingerprints=["data"]), "fingerprints: "),
    "a fingerprint": (record(fingerprints={"data": 7}), "fingerprints.data: "),
    "config": (record(config=None), "config: "),
    "environment": (record(environment={"torch": ["2"]}), "environment.torch"),
    "device with an escape": (record(environment={"device": "\x1b[31m"}), "control characters"),
    "deep": (record(skipped={"real": DEEP}), "nested deeper"),
    "identity": (record(identity="f" * 16), "its identity does not fit"),
    "identity that is no hash": (record(identity="../../etc"), "identity: "),
    "config changed": (record(config=CONFIG | {"depth": 3}), "its identity does not fit"),
    "seed of another run": (record(seed=1), "its seed is 1 and that of its configuration 0"),
    "config with data that is none": (record(config={"data": 3}), "is not a record"),
    "metric changed": (
        sealed() | {"metrics": [{"name": "held_out_loss", "value": 0.4}]},
        "its checksum does not",
    ),
    "a list for a curve": (record(curves={"loss": [1, 2]}), "curves.loss: "),
    "uneven": (record(curves={"loss": CURVE | {"value": [0.5]}}), "as many numbers"),
    "a point of text": (record(curves={"loss": CURVE | {"value": [0.5, "high"]}}), "curves.loss.value.1: "),
    "a point of nothing": (record(curves={"loss": CURVE | {"value": [0.5, None]}}), "curves.loss.value.1: "),
    "artifacts": (record(artifacts=["a.png"]), "artifacts: "),
    "artifact outside": (record(artifacts={"samples": "../a.png"}), "inside the results folder"),
    "artifact at the root": (record(artifacts={"samples": "/etc/a.png"}), "inside the results folder"),
    "artifact with NUL": (record(artifacts={"samples": "a\0.png"}), "control characters"),
    "artifact none": (record(artifacts={"samples": None}), "artifacts.samples: "),
    "history": (record(history=[{"from_step": -1}]), "history.0.from_step: "),
    "a long error": (record(status="failed", error="x" * 10**6), "error: "),
}


@pytest.mark.parametrize(("contents", "says"), BAD.values(), ids=BAD)
def test_a_corrupt_record_is_named_with_its_reason(tmp_path: Path, contents: Any, says: str) -> None:
    path = path_of(tmp_path)
    path.parent.mkdir(parents=True)
    contents = json.dumps(contents) if isinstance(contents, dict) else contents
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    with pytest.raises(WordError, match=re.escape(says)) as caught:
        read_record(path)
    words = str(caught.value)
    assert words.startswith(str(path))
    assert words.isprintable()
    assert len(words) < len(str(path)) + 500


def test_a_pipe_a_device_and_a_huge_file_are_named_and_never_waited_for(tmp_path: Path) -> None:
    folder = path_of(tmp_path).parent
    folder.mkdir(parents=True)
    os.mkfifo(folder / "a.json")
    (folder / "b.json").symlink_to("/dev/zero")
    (folder / "c.json").write_bytes(b" " * (LARGEST_BYTES + 1))
    (folder / "d.json").symlink_to("nowhere")
    (folder / "e.json").symlink_to("e.json")
    write_record(path_of(tmp_path), record())
    faults: list[WordError] = []
    assert [r["arm"] for r in read_records(record_files(tmp_path), faults)] == ["sweep"]
    reasons = (
        "not a regular file",
        "not a regular file",
        "bytes and a record",
        "No such file",
        "Too many levels",
    )
    assert [reason in str(fault) for reason, fault in zip(reasons, faults, strict=True)] == [True] * 5


def test_every_published_record_passes_and_every_changed_configuration_is_refused() -> None:
    paths = [path for path in PUBLISHED.rglob("*.json") if "levels" not in path.parts]
    assert len(paths) >= 613
    for path in paths:
        data = read_record(path).data
        leaf = data["config"].get("model", data["config"])
        leaf["depth"] += 1
        if "checksum" in data:  # else it would be refused for that
            data["checksum"] = checksum(data)
        with pytest.raises(WordError, match="its identity does not fit"):
            check_record(path, data)


@pytest.mark.parametrize(
    "hidden",
    ["1e999", "-1E+400", "1" * 320 + ".0", "1" * 250 + "e99", '"\\ud800"', '"\\uDFFF"', '{"\\udc00": 1}'],
)
def test_what_json_cannot_hold_is_refused_in_every_field_of_a_record_without_checksum(
    tmp_path: Path, hidden: str
) -> None:
    path = path_of(tmp_path)
    path.parent.mkdir(parents=True)
    for whole in (
        record(later="HIDDEN"), record(skipped={"kid": {"why": "HIDDEN"}}), record(config=CONFIG | {"new": "HIDDEN"}),
    ):  # fmt: skip
        path.write_text(json.dumps(whole).replace('"HIDDEN"', hidden))
        with pytest.raises(WordError, match="is not a record"):
            read_record(path)


def test_reading_a_record_writes_it_again_only_for_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the time of reading ten thousand: once for the identity, and once for a checksum where there is one."""
    write_record(path_of(tmp_path), record())
    older = path_of(tmp_path / "older")
    older.parent.mkdir(parents=True)
    older.write_text(json.dumps(record()))
    written: list[Any] = []
    dumps = json.dumps
    monkeypatch.setattr(
        json, "dumps", lambda *args, **options: written.append(args) or dumps(*args, **options)
    )
    read_record(older)
    assert len(written) == 1
    read_record(path_of(tmp_path))
    assert len(written) == 3


def test_records_of_every_older_schema_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(path_of(tmp_path), record())
    monkeypatch.setattr(records, "SCHEMA", 2)
    assert read_record(path_of(tmp_path))["arm"] == "sweep"
    published = next((PUBLISHED / "tiny").rglob("*.json"))
    assert read_record(published)["schema"] == 1


def test_fields_that_a_newer_writer_adds_are_kept(tmp_path: Path) -> None:
    write_record(path_of(tmp_path), record(weather="rain", cost={"devices": 2, "energy_kwh": 0.5}))
    assert read_record(path_of(tmp_path))["weather"] == "rain"


def test_the_checksum_is_of_the_contents_and_not_of_their_layout(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    write_record(path, record())
    data = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(data.items())), indent=4))
    assert read_record(path)["metrics"][0]["value"] == 0.5


def test_a_record_without_history_has_one_segment(tmp_path: Path) -> None:
    write_record(path_of(tmp_path), record(environment={"commit": "c"}, started="2026-01-01"))
    (segment,) = read_record(path_of(tmp_path)).history
    assert (segment["commit"], segment["from_step"], segment["started"]) == ("c", 0, "2026-01-01")


def test_what_is_no_record_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    write_record(path_of(tmp_path), record())
    foreign = tmp_path / "records" / "tiny" / "notes.json"
    foreign.write_text("{}")
    faults: list[WordError] = []
    assert [r["arm"] for r in read_records(record_files(tmp_path), faults)] == ["sweep"]
    assert [str(foreign) in str(fault) for fault in faults] == [True]
    assert foreign.read_text() == "{}"
    with pytest.raises(WordError, match=r"notes\.json"):
        list(read_records(record_files(tmp_path)))


ODD = (
    None,
    True,
    -1,
    2**80,
    1e100,
    1e308,
    "",
    "a\nb",
    "\x1b[2J",
    "../x",
    [],
    {},
    [[]],
    {"a": {}},
    "x" * 30_000,
    0.5,
)


def leaves(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value, inner ones too."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in parts:
        yield (*at, name)
        yield from leaves(value, (*at, name))


def test_whatever_stands_at_whatever_place_it_is_read_or_named(tmp_path: Path) -> None:
    """Records with one odd value each: none ends in anything but a record or a WordError that names the file."""
    chance = random.Random(0)
    whole = read_record(next((PUBLISHED / "tiny" / "scan_ablation").glob("*.json"))).data
    places = [place for place in leaves(whole) if place[0] != "curves" or len(place) < 5 or place[-1] == 0]
    path = tmp_path / f"x.{whole['identity']}.json"
    refused: list[str] = []
    for place in places:
        data = copy.deepcopy(whole)
        part = data
        for name in place[:-1]:
            part = part[name]
        part[place[-1]] = chance.choice(ODD)
        path.write_text(json.dumps(data))
        try:
            record = read_record(path)
        except WordError as error:
            refused.append(str(error))
        else:
            assert {type(metric["value"]) for metric in record["metrics"]} <= {int, float}
    assert len(refused) > len(places) / 2
    assert all(words.startswith(str(path)) and words.isprintable() for words in refused)


def test_a_record_of_a_users_curve_passes(tmp_path: Path) -> None:
    curve = tmp_path / "curves.py"
    curve.write_text("def mirrored(height, width):\n    return list(reversed(range(height * width)))\n")
    run = Run(
        "scans", "mirrored-1", "tiny", "8x8", ScanConfig(scan=f"{curve}:mirrored-1", grid=(8, 8), depth=2)
    )
    data = carry_out(run, Conditions(tmp_path))
    (record,) = read_records(record_files(tmp_path))
    assert (record["status"], record["config"]["scan"]) == ("done", "mirrored-1")
    assert identity_of(data["config"], data["fingerprints"]) == run.identity

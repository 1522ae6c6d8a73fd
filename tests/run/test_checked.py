"""Records that were checked before are recognized by their bytes, and nothing else is."""

import json
import os
from pathlib import Path

import pytest

from studies.run import checked, record
from studies.run.record import Record, read_records, record_files
from zigma.common.words import WordError

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
MEMORY = Path("cache") / "zigma" / checked.MEMORY


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three records, from which on remembering is worth a file here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(record, "WORTH", 3)
    for published in sorted((PUBLISHED / "tiny" / "scan_ablation").glob("*.json"))[:3]:
        path = tmp_path / "records" / "tiny" / "scan_ablation" / published.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(published.read_bytes())
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were checked in full."""
    names: list[str] = []
    whole = record.read_record

    def counted(path: Path) -> Record:
        names.append(path.name)
        return whole(path)

    monkeypatch.setattr(record, "read_record", counted)
    return names


def names_of(results: Path) -> list[str]:
    return [path.name for path in record_files(results)]


def outcome(results: Path) -> tuple[list[Record], list[str]]:
    faults: list[WordError] = []
    return list(read_records(record_files(results), faults)), list(map(str, faults))


def test_a_record_is_checked_once_and_read_as_before(results: Path, read: list[str]) -> None:
    first = outcome(results)
    assert read == names_of(results)
    assert first[1] == []
    assert outcome(results) == first
    assert read == names_of(results)


def test_few_records_leave_no_memory(results: Path, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "WORTH", 4)
    assert outcome(results) == outcome(results)
    assert len(read) == 6
    assert not (results / "cache").exists()


def test_every_published_record_is_the_same_when_it_is_recognized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(record, "WORTH", 1)
    files = [path for scale in ("tiny", "small", "paper") for path in (PUBLISHED / scale).rglob("*.json")]
    first = list(read_records(files))
    monkeypatch.setattr(record, "read_record", lambda path: pytest.fail(f"{path} was read in full"))
    again = list(read_records(files))
    assert again == first
    assert [json.dumps(item.data) for item in again] == [json.dumps(item.data) for item in first]


def test_a_changed_record_is_refused_though_nothing_but_its_bytes_tells(results: Path) -> None:
    outcome(results)
    path = record_files(results)[1]
    before, text = path.stat(), path.read_text()
    with path.open("r+") as file:
        file.write(text.replace('"status": "done"', '"status":  "do"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    records, faults = outcome(results)
    assert len(records) == 2
    assert [path.name in fault for fault in faults] == [True]


def test_a_record_under_another_identity_is_refused(results: Path) -> None:
    outcome(results)
    path = record_files(results)[1]
    path.rename(path.with_name(f"renamed.{'0' * 16}.json"))
    assert "does not end in its identity" in outcome(results)[1][0]


def test_what_was_refused_is_refused_again(results: Path) -> None:
    path = record_files(results)[0]
    path.write_text(path.read_text().replace('"seed": ', '"seed": 1', 1))
    first = outcome(results)
    assert len(first[1]) == 1
    assert outcome(results) == first


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"sha256": 7}', '{"checks": "of before", "sha256": ["HASH"]}']
)
def test_a_damaged_memory_or_one_of_other_checks_counts_for_nothing(
    results: Path, read: list[str], damage: str
) -> None:
    outcome(results)
    (hashes,) = json.loads((results / MEMORY).read_text()).keys() - {"checks"}
    assert hashes == "sha256"
    kept = json.loads((results / MEMORY).read_text())["sha256"][0]
    (results / MEMORY).write_text(damage.replace("HASH", kept))
    read.clear()
    assert len(outcome(results)[0]) == 3
    assert read == names_of(results)


def test_the_memory_holds_what_was_read_last(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome(results)
    monkeypatch.setattr(checked, "MOST", 3)
    path = record_files(results)[0]
    path.write_text(path.read_text() + "\n")
    outcome(results)
    kept = json.loads((results / MEMORY).read_text())["sha256"]
    assert kept == sorted(item.sha256 for item in outcome(results)[0])

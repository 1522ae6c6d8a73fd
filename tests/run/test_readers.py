"""Records read by several processes are those that one process reads, in the same order, with the same faults."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from studies.declare.identity import identity_of
from studies.run import record
from studies.run.record import read_records
from zigma.common import forked
from zigma.common.words import WordError


def write(folder: Path, seed: int) -> Path:
    identity = identity_of({"seed": seed}, {})
    about = {"study": "s", "arm": "a", "scale": "tiny", "setting": "x", "seed": seed, "identity": identity}
    rest = {"schema": 1, "config": {"seed": seed}, "status": "done", "metrics": [], "curves": {}}
    path = folder / f"a.x.seed{seed}.{identity}.json"
    path.write_text(json.dumps(about | rest | {"wall_time_s": {}, "cost": {}, "environment": {}}))
    return path


@pytest.fixture
def two_readers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two processes from two files on; how many each pool had."""
    pools: list[int] = []
    executor = forked.ProcessPoolExecutor
    monkeypatch.setattr(record, "WORTH_PROCESSES", 2)
    monkeypatch.setattr(record, "TOGETHER", 3)
    monkeypatch.setattr(forked, "usable_cores", lambda: 2)

    def counting(n: int, *arguments: Any) -> object:
        pools.append(n)
        return executor(n, *arguments)

    monkeypatch.setattr(forked, "ProcessPoolExecutor", counting)
    return pools


def test_several_processes_read_what_one_reads(
    tmp_path: Path, two_readers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(tmp_path, seed) for seed in range(20)]
    paths[7].write_text("{")
    paths[11] = tmp_path / "absent.json"
    faults: list[WordError] = []
    records = list(read_records(paths, faults))
    assert two_readers == [2]
    assert [record.path for record in records] == [path for i, path in enumerate(paths) if i not in (7, 11)]
    assert [record["seed"] for record in records] == [i for i in range(20) if i not in (7, 11)]
    assert [str(fault).split(" is not a record")[0] for fault in faults] == [str(paths[7]), str(paths[11])]
    monkeypatch.setattr(record, "WORTH_PROCESSES", 1000)
    alone: list[WordError] = []
    assert list(read_records(paths, alone)) == records
    assert list(map(str, alone)) == list(map(str, faults))
    assert two_readers == [2]


@pytest.mark.timeout(60)
def test_readers_end_where_this_process_goes_on_at_sigterm(tmp_path: Path, two_readers: list[int]) -> None:
    """As a job does, which looks first whether it was cancelled: its readers waited for each other for ever."""
    paths = [write(tmp_path, seed) for seed in range(20)]
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        reading = read_records(paths)
        next(reading)
        reading.close()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert two_readers == [2]


def test_without_a_list_of_faults_the_first_is_raised(tmp_path: Path, two_readers: list[int]) -> None:
    paths = [write(tmp_path, seed) for seed in range(4)]
    paths[2].write_text("[]")
    with pytest.raises(WordError, match=paths[2].name):
        list(read_records(paths))

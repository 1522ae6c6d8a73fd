"""How many cores a process may keep busy, from files such as Linux has."""

import os
from pathlib import Path

import pytest

from zigma.common import machine as module
from zigma.common.machine import usable_cores


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Eight cores, and control groups to be filled in."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(module, "CGROUPS", tmp_path)
    monkeypatch.setattr(module, "OWN_CGROUPS", tmp_path / "own")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_a_quota_all_cores_that_it_may_run_on(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_cores() == 8
    write(groups / "cpu.max", "max 100000\n")
    assert usable_cores() == 8
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


@pytest.mark.parametrize(("quota", "cores"), [(200_000, 2), (150_000, 2), (10_000, 1), (9_900_000, 8)])
def test_a_containers_quota(groups: Path, quota: int, cores: int) -> None:
    write(groups / "cpu.max", f"{quota} 100000\n")
    assert usable_cores() == cores


def test_a_quota_of_a_group_around_this_one(groups: Path) -> None:
    write(groups / "own", "0::/user.slice/job_7/step\n")
    write(groups / "user.slice" / "job_7" / "cpu.max", "300000 100000\n")
    write(groups / "user.slice" / "job_7" / "step" / "cpu.max", "max 100000\n")
    assert usable_cores() == 3


def test_the_first_version_of_control_groups(groups: Path) -> None:
    write(groups / "own", "5:memory:/box\n4:cpu,cpuacct:/box\n")
    write(groups / "cpu" / "box" / "cpu.cfs_quota_us", "400000\n")
    write(groups / "cpu" / "box" / "cpu.cfs_period_us", "100000\n")
    assert usable_cores() == 4
    write(groups / "cpu" / "box" / "cpu.cfs_quota_us", "-1\n")
    assert usable_cores() == 8


def test_files_that_say_nothing_are_no_quota(groups: Path) -> None:
    write(groups / "own", "nonsense:of:any\n")
    write(groups / "cpu.max", "many per-second\n")
    assert usable_cores() == 8

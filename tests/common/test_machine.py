"""What a machine has, from files and a driver's words."""

import math
from pathlib import Path

import pytest

from zigma.common import machine as module
from zigma.common.machine import machine

MEMINFO = "MemTotal: 16777216 kB\nMemFree: 2097152 kB\nMemAvailable: 8388608 kB\n"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("psutil.PROCFS_PATH", str(tmp_path))
    monkeypatch.setattr(module, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(module, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(module, "GPUS", tmp_path / "dev")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def driver(folder: Path, script: str) -> None:
    (folder / "bin").mkdir()
    program = folder / "bin" / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_memory_is_what_is_free_or_what_a_container_allows(tmp_path: Path) -> None:
    assert machine().memory_gib == math.inf
    write(tmp_path / "meminfo", MEMINFO)
    assert machine().memory_gib == 8.0
    write(tmp_path / "cgroup" / "memory.max", "max\n")
    assert machine().memory_gib == 8.0
    write(tmp_path / "cgroup" / "memory.max", f"{4 * 2**30}\n")
    assert machine().memory_gib == 4.0


def test_memory_of_a_job_is_what_the_smallest_of_the_groups_around_it_leaves(tmp_path: Path) -> None:
    """As Slurm and systemd have it."""
    write(tmp_path / "meminfo", MEMINFO)
    write(tmp_path / "own", "0::/system.slice/job_7/step\n")
    job = tmp_path / "cgroup" / "system.slice" / "job_7"
    write(job / "step" / "memory.max", "max\n")
    write(job / "memory.max", f"{3 * 2**30}\n")
    assert machine().memory_gib == 3.0
    write(job.parent / "memory.max", f"{2 * 2**30}\n")
    assert machine().memory_gib == 2.0


def test_memory_of_the_first_version_of_control_groups(tmp_path: Path) -> None:
    write(tmp_path / "meminfo", MEMINFO)
    write(tmp_path / "own", "5:cpu,cpuacct:/elsewhere\n4:memory:/slurm/job_7\n")
    groups = tmp_path / "cgroup" / "memory"
    write(groups / "memory.limit_in_bytes", "9223372036854771712\n")  # none
    write(groups / "elsewhere" / "memory.limit_in_bytes", f"{2**30}\n")
    write(groups / "slurm" / "job_7" / "memory.limit_in_bytes", f"{2 * 2**30}\n")
    assert machine().memory_gib == 2.0


@pytest.mark.parametrize(
    ("limit", "used", "total"),
    [
        ("memory.max", "memory.current", ""),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ],
)
def test_what_a_job_holds_is_not_free_and_files_that_are_remembered_are(
    tmp_path: Path, limit: str, used: str, total: str
) -> None:
    write(tmp_path / "cgroup" / limit, f"{8 * 2**30}\n")
    write(tmp_path / "cgroup" / used, f"{7 * 2**30}\n")
    assert machine().memory_gib == 8.0  # all of it may be files
    words = f"anon 1\nactive_file 1\n{total}active_file {2**30}\n{total}inactive_file {3 * 2**30}\n\n"
    write(tmp_path / "cgroup" / "memory.stat", words)
    assert machine().memory_gib == 5.0
    write(tmp_path / "cgroup" / used, f"{13 * 2**30}\n")  # above a limit that was lowered
    assert machine().memory_gib == 0.0


@pytest.mark.parametrize(
    ("text", "gib"),
    [
        ("MemTotal: 9437184 kB\nMemFree: 2097152 kB\n", 2.0),
        ("MemTotal: 9437184 kB\n", math.inf),
        ("MemTotal: 9437184 kB\nMemFree: 2097152 kB\nCached: 1048576 kB\n", 3.0),
        ("MemAvailable:\nMemFree: 1048576 kB\n\n", math.inf),
        ("no table at all\n", math.inf),
        ("MemFree: \u0663 kB\n", math.inf),
    ],
)
def test_a_system_that_does_not_tell_what_is_available(tmp_path: Path, text: str, gib: float) -> None:
    (tmp_path / "meminfo").write_text(text, encoding="utf-8")
    assert machine().memory_gib == gib


def test_gpus_are_those_that_a_program_may_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine().gpus_gib == ()
    driver(tmp_path, "echo 81920; echo 40960")
    assert machine().gpus_gib == (80.0, 40.0)
    for visible, gpus_gib in (("1", (40.0,)), ("", ()), ("-1", ()), ("1,0", (40.0, 80.0)), ("7", ())):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert machine().gpus_gib == gpus_gib
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-5f3a")
    assert machine().gpus_gib == (math.inf,)


def test_a_driver_that_fails_leaves_the_devices_with_unknown_memory(tmp_path: Path) -> None:
    driver(tmp_path, "echo 'NVIDIA-SMI has failed' >&2; exit 9")
    assert machine().gpus_gib == ()
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    (tmp_path / "dev" / "nvidiactl").touch()
    assert machine().gpus_gib == (math.inf,)

"""What this machine has, asked without torch: whether a run could work here must be known before it is loaded."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GPUS = Path("/dev")
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Machine:
    """Memory in GiB: what is free for programs, and all that each GPU has. Infinite where it is not known."""

    memory_gib: float
    gpus_gib: tuple[float, ...] = ()


def machine() -> Machine:
    """This machine, or what a container or CUDA_VISIBLE_DEVICES leaves of it."""
    return Machine(_memory_gib(), _gpus_gib())


def usable_cores() -> int:
    """How many cores this process may keep busy: those it may run on, or fewer where a container has a quota.

    Half a core counts as one. macOS and Windows have no affinity to ask for: there all cores count.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, math.ceil(min(_core_quotas(), default=cores))))


def _core_quotas() -> Iterator[float]:
    """The quotas in cores, of every control group that this process is in and of those around it."""
    for folder in _cgroup_folders("cpu"):
        quota = _words(folder / "cpu.max")  # version 2: microseconds and the period, or "max"
        if not quota:  # version 1, where -1 is none
            quota = _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        if len(quota) == 2 and all(word.isdecimal() for word in quota) and int(quota[1]):
            yield int(quota[0]) / int(quota[1])


def _cgroup_folders(controller: str) -> Iterator[Path]:
    """Where this process's limits may be written; in a container its own group is often the root that it sees."""
    yield from (CGROUPS, CGROUPS / controller)
    # "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1
    for line in _text(OWN_CGROUPS).splitlines():
        controllers, path = ([*line.split(":", 2)[1:], "", ""])[:2]
        if controllers and controller not in controllers.split(","):
            continue
        base = CGROUPS / controller if controllers else CGROUPS
        own = base / path.lstrip("/")
        yield from (folder for folder in (own, *own.parents) if base in folder.parents)


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    """A small file of the system, or nothing where it is not there or may not be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _memory_gib() -> float:
    """What is free, or less where a container or a job allows less; infinite where the system does not tell."""
    import psutil  # here: few commands ask

    try:
        # psutil warns of figures that kernels before 3.14, OpenVZ and some sandboxes do not give
        with warnings.catch_warnings(action="ignore"):
            available = psutil.virtual_memory().available / 2**30
    except Exception:
        # it trusts the system's own tables, and breaks in many ways where they are odd or not there
        available = math.inf
    return min([available, *_memory_left_gib()])


def _memory_left_gib() -> Iterator[float]:
    """What the limit leaves of every control group that this process is in and of those around it."""
    for folder in _cgroup_folders("memory"):
        # version 2, where "max" is none, then version 1
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            if (allowed := _text(folder / limit).strip()).isdecimal():
                yield max(0, int(allowed) - _taken_bytes(folder, used)) / 2**30


def _taken_bytes(folder: Path, used: str) -> int:
    """What the programs of a group hold, without the files that the system remembers for them and can forget.

    Where only both together are known it is nothing: what is remembered grows until the limit, and is free.
    """
    words = [line.split() for line in _text(folder / "memory.stat").splitlines()]
    counts = {each[0]: int(each[1]) for each in words if len(each) == 2 and each[1].isdecimal()}
    # version 1 counts the group alone, and under total_ those inside it too; version 2 always counts all
    files = [counts.get(f"total_{name}", counts.get(name)) for name in ("active_file", "inactive_file")]
    text = _text(folder / used).strip()
    if not text.isdecimal() or None in files:
        return 0
    return max(0, int(text) - sum(filter(None, files)))


def _gpus_gib() -> tuple[float, ...]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and (not visible.strip() or visible.strip() == "-1"):
        return ()
    sizes = _nvidia_smi() or [math.inf] * len(list(GPUS.glob("nvidia[0-9]*")))
    sizes = sizes or [math.inf] * len(list(GPUS.glob("dri/renderD*")) if (GPUS / "kfd").exists() else [])
    if visible is None:
        return tuple(sizes)
    chosen = [int(word) for word in visible.split(",") if word.strip().isdecimal()]
    present = [sizes[number] for number in chosen if number < len(sizes)]
    # names such as GPU-5f... and MIG-...: there is one, its size is not asked further
    return tuple(present) if chosen else tuple(math.inf for _ in visible.split(","))[: len(sizes)]


def _nvidia_smi() -> list[float]:
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        return [int(line) / 2**10 for line in answer.split()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []  # the driver is not well; torch will say so, with its reason

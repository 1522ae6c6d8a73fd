"""Which process this is, in words that another machine can read, and whether such a process still lives."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

LINUX = sys.platform == "linux"
BOOT = Path("/proc/sys/kernel/random/boot_id")
PIDS = "/proc/self/ns/pid"
GONE = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def this_process() -> dict[str, Any]:
    """Host, boot, process and, in a Slurm job, the job and how often it was restarted."""
    return {**local_process(os.getpid()), **slurm_job(os.environ)}


def local_process(pid: int) -> dict[str, Any]:
    """Host, boot and process of any process of this machine."""
    here = {"host": socket.gethostname(), "boot": _boot(), "pids": _namespace()}
    return {**here, "pid": pid, "pid_started": _started(pid)}


def slurm_job(environment: Mapping[str, str]) -> dict[str, Any]:
    """`job` (`12`, or `12_3` in an array) and `restart`, how often Slurm has begun it anew; None outside a job."""
    job, array = environment.get("SLURM_JOB_ID"), environment.get("SLURM_ARRAY_JOB_ID")
    if array:
        job = f"{array}_{environment.get('SLURM_ARRAY_TASK_ID')}"
    restart = environment.get("SLURM_RESTART_COUNT", "0")
    return {"job": job, "restart": int(restart) if restart.isdecimal() else 0}


def is_dead(process: Mapping[str, Any]) -> bool | None:
    """Whether a process is certainly gone; None where that cannot be seen from here, as on another host.

    A process id alone proves nothing, because ids are used again: the moment of its start must be the same as well.
    """
    here = {"host": socket.gethostname(), "boot": _boot(), "pids": _namespace()}
    if any(not process.get(key) or process[key] != here[key] for key in here):
        return None
    pid = process.get("pid")
    if not isinstance(pid, int) or process.get("pid_started") is None:
        return None
    return _started(pid) != process["pid_started"]


def _started(pid: int) -> float | None:
    """When a process started; None for one that is gone or a zombie.

    On Linux in the kernel's ticks since boot, which no clock that is set can change: psutil's time of creation is
    that of the clock, and an owner must not look dead because somebody has set it.
    """
    try:
        process = psutil.Process(pid)
        if process.status() in GONE:
            return None
        if not LINUX:
            return process.create_time()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None
    return int(stat.rpartition(")")[2].split()[19])  # field 22; the name, in brackets, may hold anything


def _boot() -> str | None:
    try:
        return BOOT.read_text(encoding="ascii").strip() if LINUX else f"{psutil.boot_time():.0f}"
    except OSError:
        return None


def _namespace() -> str | None:
    """Which numbering of processes this is: containers of one host number theirs each for itself."""
    try:
        return os.readlink(PIDS) if LINUX else sys.platform
    except OSError:
        return None

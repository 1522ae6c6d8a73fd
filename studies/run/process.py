"""Which process this is, in words that another machine can read, and whether such a process still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BOOT = Path("/proc/sys/kernel/random/boot_id")
PIDS = "/proc/self/ns/pid"


def this_process() -> dict[str, Any]:
    """Host, boot, process and, in a Slurm job, the job and how often it was restarted."""
    return local_process(os.getpid())


def local_process(pid: int) -> dict[str, Any]:
    """The same of another process of this machine."""
    return {
        "host": socket.gethostname(),
        "boot": _read(BOOT),
        "pids": _namespace(),
        "pid": pid,
        "pid_started": _started(pid),
        **slurm_job(os.environ),
    }


def slurm_job(environment: Mapping[str, str]) -> dict[str, Any]:
    """`job` (`12`, or `12_3` in an array) and `restart`, how often Slurm has begun it anew; None outside a job."""
    job, array = environment.get("SLURM_JOB_ID"), environment.get("SLURM_ARRAY_JOB_ID")
    if array:
        job = f"{array}_{environment.get('SLURM_ARRAY_TASK_ID')}"
    restart = environment.get("SLURM_RESTART_COUNT", "0")
    return {"job": job, "restart": int(restart) if restart.isdecimal() else 0}


def is_dead(process: Mapping[str, Any]) -> bool | None:
    """Whether a process is certainly gone; None where that cannot be seen from here, as on another host.

    A process id alone proves nothing, because ids are used again: the moment of its start, in the kernel's own ticks
    since boot (which no clock that is set can change), must be the same as well.
    """
    here = this_process()
    if any(not process.get(key) or process[key] != here[key] for key in ("host", "boot", "pids")):
        return None
    pid = process.get("pid")
    if not isinstance(pid, int) or process.get("pid_started") is None:
        return None
    return _started(pid) != process["pid_started"]


def _started(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat; None for a process that is gone or a zombie."""
    stat = _read(Path(f"/proc/{pid}/stat"))
    if stat is None:
        return None
    fields = stat.rpartition(")")[2].split()  # the name, in brackets, may hold anything
    return None if fields[0] in "ZX" else int(fields[19])


def _namespace() -> str | None:
    try:
        return os.readlink(PIDS)  # containers of one host number their processes each for itself
    except OSError:
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None

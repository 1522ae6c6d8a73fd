"""What Slurm says of jobs: two questions, each asked once for all jobs."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass

PATIENCE_S = 10.0


@dataclass(frozen=True)
class Queue:
    """The user's jobs that Slurm has: id -> (state, reason). `error` where Slurm did not answer."""

    jobs: dict[str, tuple[str, str]]
    error: str | None = None


def ask_queue() -> Queue:
    """Jobs that wait, run or end just now."""
    if shutil.which("squeue") is None:
        return Queue({}, "squeue is not found on this machine")
    words = ["squeue", "-h", "-a", "-r", "-u", getpass.getuser(), "-o", "%i|%T|%r"]
    try:
        asked = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError) as error:
        return Queue({}, f"Slurm does not answer: {error}")
    if asked.returncode != 0:
        said = asked.stderr.strip().splitlines()
        return Queue({}, f"Slurm does not answer: {said[-1] if said else asked.returncode}")
    jobs = {}
    for line in asked.stdout.splitlines():
        job, state, reason = [*line.split("|", 2), "", ""][:3]
        jobs[job] = state, reason
    return Queue(jobs)


def ask_accounting(jobs: Collection[str]) -> dict[str, str]:
    """How jobs ended: id -> FAILED, TIMEOUT, NODE_FAIL, ...; empty where Slurm keeps no accounts."""
    if not jobs or shutil.which("sacct") is None:
        return {}
    arrays = sorted({job.partition("_")[0] for job in jobs})
    words = ["sacct", "-n", "-X", "-P", "-o", "JobID,State", "-j", ",".join(arrays)]
    try:
        asked = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = (line.split("|") for line in asked.stdout.splitlines() if line.count("|") == 1)
    return {job: state for job, state in lines}  # noqa: C416 - the pairs are lists

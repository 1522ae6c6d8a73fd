"""What Slurm says of jobs: two questions, each asked once for all jobs; and jobs that are ended."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

PATIENCE_S = 10.0
# A job in any other state may run, now or later. Preempted jobs and those of a lost node are put back into the queue,
# moments later, and so are jobs that are COMPLETING after `scontrol requeue`.
ENDED = frozenset(
    ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "OUT_OF_MEMORY", "TIMEOUT")
)
RUNNING = frozenset(("RUNNING", "CONFIGURING"))


@dataclass(frozen=True)
class SlurmJob:
    """A job that Slurm has, or has just ended; its name holds the key of `studies.launch.submissions`."""

    id: str
    state: str
    reason: str = ""
    name: str = ""
    nodes: str = ""  # on which it runs, as Slurm writes them: node1, or node[1-4]

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def runs(self) -> bool:
        return self.state in RUNNING

    @property
    def held(self) -> bool:
        """Whether it waits for its user alone: JobHeldUser, or "launch failed requeued held" after a fault."""
        return self.state == "PENDING" and "held" in self.reason.lower() and self.reason != "JobHeldAdmin"


@dataclass(frozen=True)
class SlurmQueue:
    """The user's jobs by id, those that ended a few minutes ago among them. `error` where Slurm did not answer."""

    jobs: Mapping[str, SlurmJob] = field(default_factory=dict)
    error: str | None = None


def ask_queue() -> SlurmQueue:
    """Jobs that wait, run, end just now or have ended since Slurm last forgot some."""
    if shutil.which("squeue") is None:
        return SlurmQueue(error="squeue is not found on this machine")
    words = ["squeue", "-h", "-a", "-r", "-t", "all", "-u", getpass.getuser(), "-o", "%i|%T|%r|%N|%j"]
    try:
        answer = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError) as error:
        return SlurmQueue(error=f"Slurm does not answer: {error}")
    if answer.returncode != 0:
        complaint = answer.stderr.strip().splitlines()
        return SlurmQueue(error=f"Slurm does not answer: {complaint[-1] if complaint else answer.returncode}")
    jobs = {}
    for line in answer.stdout.splitlines():
        number, state, reason, nodes, name = [*line.split("|", 4), "", "", "", ""][:5]
        jobs[number] = SlurmJob(number, state, reason, name, nodes)
    return SlurmQueue(jobs)


def ask_accounting(jobs: Collection[str]) -> dict[str, str]:
    """How jobs ended: id -> FAILED, TIMEOUT, NODE_FAIL, ...; empty where Slurm keeps no accounts."""
    if not jobs or shutil.which("sacct") is None:
        return {}
    arrays = sorted({job.partition("_")[0] for job in jobs})
    words = ["sacct", "-n", "-X", "-P", "-o", "JobID,State", "-j", ",".join(arrays)]
    try:
        answer = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = (line.split("|") for line in answer.stdout.splitlines() if line.count("|") == 1)
    return {job: state for job, state in lines}  # noqa: C416 - the pairs are lists


def end_jobs(jobs: Iterable[str]) -> str | None:
    """Ask Slurm to end jobs; returns its complaint, or None. One that has ended already is no fault."""
    jobs = sorted(set(jobs))
    if not jobs:
        return None
    try:
        answer = subprocess.run(
            ["scancel", *jobs], capture_output=True, text=True, check=False, timeout=3 * PATIENCE_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    complaint = answer.stderr.strip().splitlines()
    return (complaint or [f"scancel ended with {answer.returncode}"])[-1] if answer.returncode else None

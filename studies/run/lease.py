"""Who may carry out a run: at any moment one process at most, also on a shared file system, across nodes and deaths.

A lock of the operating system is no use here: it does not hold across nodes, and where it does, nobody releases it
when a node dies. So a run's folder, `results/work/IDENTITY/`, holds numbered leases instead:

    claim-000001.json   created exclusively, so that of two processes that want a number one gets it; the highest
                        number is the owner's
    TOKEN/              the owner's own folder: its heartbeat, and everything that the run writes on the way

A process that wants a run with an owner looks for proof that the owner is gone: it has released the lease, it was a
process of this host that no longer lives, or an earlier life of the same Slurm job. Without proof it watches the
heartbeat, which counts: if the count stands still for `SILENT_BEATS` beats, by the watcher's own monotonic clock, the
owner is replaced. Times of two machines are never compared.

A watcher can be wrong (a machine that slept, a network that was away), so the late owner is fenced off: whoever takes
over moves what the run has so far into a folder of its own, where the late owner cannot write; at its next beat the
late owner sees a higher number and stops; and a record is put in place only where there is none, or the very one
that it was to replace (`studies.run.publish`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from studies.run.conditions import BEAT_S
from studies.run.process import is_dead, this_process
from zigma.common.files import is_partial, read_json, replace_json
from zigma.common.words import one_line

SILENT_BEATS = 12
LONGEST_BEAT_S = 60.0  # whatever a lease says, nobody waits longer for its beat
LATE_S = 60.0  # a late owner that hangs outside Python is ended so long after it was noticed
LATE_STATUS = 75  # its exit status: EX_TEMPFAIL of sysexits.h
HEARTBEAT = "heartbeat.json"
# the name is in the files of runs under way, and stays
LEASE = re.compile(r"claim-(\d{6,12})\.json", re.ASCII)
TOKEN = re.compile(r"[0-9a-f]{16}")


class Owned(RuntimeError):
    """Another process is carrying out this run."""


class Lost(RuntimeError):
    """This process was taken for dead, and another one has the run now."""


@dataclass(frozen=True)
class Lease:
    """A lease as its file states it, with the latest heartbeat. Any field may be missing: the files are data."""

    work: Path
    number: int
    process: Mapping[str, Any]  # the owner: `studies.run.process.this_process`, with its token and beat
    heartbeat: Mapping[str, Any]

    @property
    def token(self) -> str | None:
        return _token(self.process)

    @property
    def beat_s(self) -> float:
        beat_s = self.process.get("beat_s")
        return min(max(float(beat_s), 0.01), LONGEST_BEAT_S) if isinstance(beat_s, int | float) else BEAT_S

    @property
    def released(self) -> bool:
        return self.heartbeat.get("state") == "released"

    @property
    def replaces(self) -> str | None:
        """The digest of the record that the run is to replace."""
        return self.heartbeat.get("replaces")

    @property
    def who(self) -> str:
        job = self.process.get("job")
        words = f"process {self.process.get('pid', '?')} on {self.process.get('host', '?')}"
        return f"{words}, job {job}" if job else words

    @property
    def sign_of_life(self) -> tuple[Any, ...]:
        """What changes from beat to beat."""
        return self.number, self.token, self.heartbeat.get("beat")


def read_lease(work: Path) -> Lease | None:
    """The highest lease of a run, or None."""
    numbers = _numbers(work)
    if not numbers:
        return None
    process = read_json(_file(work, numbers[-1]))
    token = _token(process)
    return Lease(work, numbers[-1], process, read_json(work / token / HEARTBEAT) if token else {})


class Owner:
    """The right to carry out a run, from `acquire`; a context manager that releases the lease at its end."""

    def __init__(self, work: Path, number: int, token: str, about: Mapping[str, Any], beat_s: float) -> None:
        self.work, self.number, self.token, self.beat_s = work, number, token, beat_s
        self.folder = work / token
        self.progress: dict[str, Any] = {}  # shown by `status`
        self.finished = False  # nothing in the folder is needed any more
        self.lost = threading.Event()
        self._about, self._beat = dict(about), 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"heartbeat {work.name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(OSError):  # a full disk: the lease stays, and its process is seen to be gone
            if not self._holds():
                return
            if self.finished:
                self._clear_away()
            else:
                self.beat("released", reason=None if error is None else _reason(error))

    def check(self) -> None:
        """Raise Lost if the last beat saw another owner. Costs nothing, so that it can be asked at every step."""
        if self.lost.is_set():
            verify(self.work, self.token)

    def _holds(self) -> bool:
        lease = read_lease(self.work)
        return lease is not None and (lease.number, lease.token) == (self.number, self.token)

    def _live(self) -> None:
        while not self._stop.wait(self.beat_s):
            try:
                if not self._holds():
                    break
                self.beat("running")
            except OSError:
                continue  # a full disk or a file server that is away: if it lasts, another may take over
        else:
            return
        self.lost.set()
        if not self._stop.wait(LATE_S):
            print(
                "another process has taken over this run, and this one does not stop: ended",
                file=sys.stderr,
                flush=True,
            )
            os._exit(LATE_STATUS)

    def beat(self, state: str, **more: Any) -> None:
        """Write the next heartbeat."""
        self._beat += 1
        heartbeat = {"state": state, "beat": self._beat, **self._about, **self.progress, **more}
        replace_json(self.folder / HEARTBEAT, heartbeat)

    def _clear_away(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        _file(self.work, self.number).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else is kept there
            self.work.rmdir()


def verify(work: Path, token: str) -> None:
    """Raise Lost unless the files themselves say, now, that the run is this owner's."""
    lease = read_lease(work)
    if lease is None or lease.token != token:
        by = f" by {lease.who}" if lease else ""
        raise Lost(f"this process was taken for dead and the run was taken over{by}")


def acquire(work: Path, about: Mapping[str, Any], beat_s: float = BEAT_S) -> Owner:
    """Become the owner of the run with the folder `work`; `about` tells `status` which run it is.

    Takes up to one beat of the present owner to see that it lives, and `SILENT_BEATS` beats to give it up without
    proof.

    Raises:
        Owned: another process has the run and lives.
    """
    process = {**this_process(), "beat_s": beat_s}
    while True:
        work.mkdir(parents=True, exist_ok=True)
        present = read_lease(work)
        if present and not _gone(present, process):
            raise Owned(f"it is being run by {present.who}")
        number, token = (present.number if present else 0) + 1, secrets.token_hex(8)
        try:
            file = _file(work, number).open("x", encoding="utf-8")
        except (FileExistsError, FileNotFoundError):
            continue  # another process was faster, or has finished and cleared away
        try:
            with file:
                json.dump({**process, "token": token}, file)
            (work / token).mkdir()
            owner = Owner(work, number, token, about, beat_s)
            owner.beat("running")
        except OSError:  # a full disk
            shutil.rmtree(work / token, ignore_errors=True)
            _file(work, number).unlink(missing_ok=True)
            raise
        _adopt(work, number, token)
        return owner


def is_running(work: Path) -> Lease | None:
    """The lease of a run whose owner certainly lives, on this machine; None where that cannot be told at once."""
    lease = read_lease(work)
    return lease if lease and not lease.released and is_dead(lease.process) is False else None


def _gone(lease: Lease, applicant: Mapping[str, Any]) -> bool:
    """Whether the owner is proved to be gone, or does not beat for as long as it takes."""
    if lease.released or is_dead(lease.process) or _earlier_life(lease.process, applicant):
        return True
    until = time.monotonic() + SILENT_BEATS * lease.beat_s
    while time.monotonic() < until:
        time.sleep(min(0.2, lease.beat_s / 4))
        latest = read_lease(lease.work)
        if latest is None or latest.released:
            return True
        if latest.sign_of_life != lease.sign_of_life:
            return False
        if is_dead(lease.process):
            return True
    return True


def _earlier_life(owner: Mapping[str, Any], applicant: Mapping[str, Any]) -> bool:
    """Whether the owner was an earlier life of the applicant's own job: Slurm itself has given that up."""
    restart = owner.get("restart")
    same = applicant["job"] is not None and owner.get("job") == applicant["job"]
    return same and isinstance(restart, int) and restart < applicant["restart"]


def _adopt(work: Path, number: int, token: str) -> None:
    """Move what earlier owners have left into this owner's folder, the latest first; then remove their places.

    File by file and never the folder as a whole: a late owner on another node may go on writing into its folder for
    as long as its node remembers where that was.
    """
    for earlier in reversed([other for other in _numbers(work) if other < number]):
        its_token = _token(read_json(_file(work, earlier)))
        if its_token and (work / its_token).is_dir():
            for path in (work / its_token).iterdir():
                left_over = path.name == HEARTBEAT or is_partial(path)
                if not left_over and not (work / token / path.name).exists():
                    with contextlib.suppress(FileNotFoundError):
                        os.rename(path, work / token / path.name)
            shutil.rmtree(work / its_token, ignore_errors=True)
        _file(work, earlier).unlink(missing_ok=True)


def tokens(work: Path) -> set[str | None]:
    """The tokens of all leases of a run: what other owners' folders it holds are nobody's."""
    return {_token(read_json(_file(work, number))) for number in _numbers(work)}


def _numbers(work: Path) -> list[int]:
    """The numbers of all leases, rising. The folder is listed: a file server's client may remember absent names."""
    try:
        names = os.listdir(work)
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for match in map(LEASE.fullmatch, names) if match)


def _file(work: Path, number: int) -> Path:
    return work / f"claim-{number:06}.json"


def _token(process: Mapping[str, Any]) -> str | None:
    """A lease's token, if it is one: it names a folder, and must not lead anywhere else."""
    token = process.get("token")
    return token if isinstance(token, str) and TOKEN.fullmatch(token) else None


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by Ctrl-C"
    if isinstance(error, SystemExit):
        return "asked to stop by a signal"
    return one_line(f"{type(error).__name__}: {error}")

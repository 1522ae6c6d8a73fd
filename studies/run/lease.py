"""Who owns a run: at any moment one process at most, also on a shared file system, across nodes and killed hosts.

A lock of the operating system is no use here: it does not hold across nodes, and where it does, nobody lets go of it
when a node dies. So a run's folder, `results/work/IDENTITY/`, holds numbered claims instead:

    claim-000001.json   made exclusively, so that of two processes that want a number one gets it; the highest number
                        is the owner's
    TOKEN/              the owner's own folder: its heartbeat, and all that the run leaves on the way

Who wants a run that is claimed looks for proof that the owner is gone: it let go, it was a process of this host that
no longer lives, or an earlier life of the same Slurm job. Without proof the heartbeat is watched: it counts, and if
the count stands still for `SILENT_BEATS` beats, by the watcher's own monotonic clock, the owner is replaced. No times
of two machines are ever compared.

A watcher may be wrong (a machine that slept, a network that was away), so the late owner is fenced off: whoever takes
over moves what the run has so far into a folder of his own, where the late one cannot write, the late one finds at
its next beat that a higher claim is there and stops, and a record is put in place only where none is or the very one
that it was to replace (`studies.run.record.publish`).
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

from studies.run.process import is_dead, this_process
from zigma.common.files import is_partial, read_json, replace_json

BEAT_S = 5.0
SILENT_BEATS = 12
LONGEST_BEAT_S = 60.0  # whatever a claim says of itself, nobody waits longer for its beat
LATE_S = 60.0  # a late owner that hangs outside Python is ended this long after it was found out
LATE_STATUS = 75  # its exit status: EX_TEMPFAIL of sysexits.h
HEARTBEAT = "heartbeat.json"
CLAIM = re.compile(r"claim-(\d{6,12})\.json", re.ASCII)
TOKEN = re.compile(r"[0-9a-f]{16}")


class Owned(RuntimeError):
    """Another process is carrying out this run."""


class Lost(RuntimeError):
    """This process was taken for dead and another one has the run now."""


@dataclass(frozen=True)
class Claim:
    """A claim as read from its file, and the last that was heard of it. Everything may be missing: it is data."""

    work: Path
    number: int
    said: Mapping[str, Any]
    heartbeat: Mapping[str, Any]

    @property
    def token(self) -> str | None:
        return _token(self.said)

    @property
    def beat_s(self) -> float:
        said = self.said.get("beat_s")
        return min(max(float(said), 0.01), LONGEST_BEAT_S) if isinstance(said, int | float) else BEAT_S

    @property
    def released(self) -> bool:
        return self.heartbeat.get("state") == "released"

    @property
    def replaces(self) -> str | None:
        """The digest of the record that the run is to replace."""
        return self.heartbeat.get("replaces")

    @property
    def who(self) -> str:
        job = self.said.get("job")
        words = f"process {self.said.get('pid', '?')} on {self.said.get('host', '?')}"
        return f"{words}, job {job}" if job else words

    @property
    def sign_of_life(self) -> tuple[Any, ...]:
        """What changes from beat to beat."""
        return self.number, self.token, self.heartbeat.get("beat")


def read_claim(work: Path) -> Claim | None:
    """The highest claim on a run, or None."""
    numbers = _claims(work)
    if not numbers:
        return None
    said = read_json(_claim_path(work, numbers[-1]))
    token = _token(said)
    return Claim(work, numbers[-1], said, read_json(work / token / HEARTBEAT) if token else {})


class Owner:
    """The right to carry out a run, from `acquire`; a context manager that lets go at its end."""

    def __init__(self, work: Path, number: int, token: str, about: Mapping[str, Any], beat_s: float) -> None:
        self.work, self.number, self.token, self.beat_s = work, number, token, beat_s
        self.folder = work / token
        self.progress: dict[str, Any] = {}  # shown by `status`
        self.finished = False  # nothing here is needed any more
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
        with contextlib.suppress(OSError):  # a full disk: the claim stays, and its process is seen to be gone
            if not self._is_mine():
                return
            if self.finished:
                self._clear_away()
            else:
                self.beat("released", reason=None if error is None else _reason(error))

    def check(self) -> None:
        """Raise Lost if the last beat found another owner. Costs nothing: to be asked at every step."""
        if self.lost.is_set():
            verify(self.work, self.token)

    def _is_mine(self) -> bool:
        numbers = _claims(self.work)
        mine = bool(numbers) and numbers[-1] == self.number
        return mine and _token(read_json(_claim_path(self.work, self.number))) == self.token

    def _live(self) -> None:
        while not self._stop.wait(self.beat_s):
            try:
                if not self._is_mine():
                    break
                self.beat("running")
            except OSError:
                continue  # a full disk or a file server that is away: if it lasts, another may take over
        else:
            return
        self.lost.set()
        if not self._stop.wait(LATE_S):
            print(
                "another process has this run and this one does not stop: ended", file=sys.stderr, flush=True
            )
            os._exit(LATE_STATUS)

    def beat(self, state: str, **more: Any) -> None:
        """Write the next heartbeat."""
        self._beat += 1
        heartbeat = {"state": state, "beat": self._beat, **self._about, **self.progress, **more}
        replace_json(self.folder / HEARTBEAT, heartbeat)

    def _clear_away(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        _claim_path(self.work, self.number).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else is kept there
            self.work.rmdir()


def verify(work: Path, token: str) -> None:
    """Raise Lost unless the files themselves say, now, that the run is this owner's."""
    claim = read_claim(work)
    if claim is None or claim.token != token:
        by = f" by {claim.who}" if claim else ""
        raise Lost(f"this process was taken for dead and the run was taken over{by}")


def acquire(work: Path, about: Mapping[str, Any], beat_s: float = BEAT_S) -> Owner:
    """Become the owner of the run with the folder `work`; `about` says which run it is, for `status`.

    Takes up to one beat of the present owner to see it live, and `SILENT_BEATS` beats to give it up without proof.

    Raises:
        Owned: another process has the run and lives.
    """
    said = {**this_process(), "beat_s": beat_s}
    while True:
        work.mkdir(parents=True, exist_ok=True)
        present = read_claim(work)
        if present and not _gone(present, said):
            raise Owned(f"it is being run by {present.who}")
        number, token = (present.number if present else 0) + 1, secrets.token_hex(8)
        try:
            file = _claim_path(work, number).open("x", encoding="utf-8")
        except (
            FileExistsError,
            FileNotFoundError,
        ):  # another one was faster, or has finished and cleared away
            continue
        try:
            with file:
                json.dump({**said, "token": token}, file)
            (work / token).mkdir()
            owner = Owner(work, number, token, about, beat_s)
            owner.beat("running")
        except OSError:  # a full disk
            shutil.rmtree(work / token, ignore_errors=True)
            _claim_path(work, number).unlink(missing_ok=True)
            raise
        _adopt(work, number, token)
        return owner


def _gone(claim: Claim, me: Mapping[str, Any]) -> bool:
    """Whether the owner is proved to be gone, or does not beat for as long as it takes."""
    if claim.released or is_dead(claim.said):
        return True
    if _earlier_life(claim.said, me):
        return True
    until = time.monotonic() + SILENT_BEATS * claim.beat_s
    while time.monotonic() < until:
        time.sleep(min(0.2, claim.beat_s / 4))
        now = read_claim(claim.work)
        if now is None or now.released:
            return True
        if now.sign_of_life != claim.sign_of_life:
            return False
        if is_dead(claim.said):
            return True
    return True


def _earlier_life(said: Mapping[str, Any], me: Mapping[str, Any]) -> bool:
    """Whether a claim is of an earlier life of this very job: Slurm itself has given that up."""
    restart = said.get("restart")
    same = me["job"] is not None and said.get("job") == me["job"]
    return same and isinstance(restart, int) and restart < me["restart"]


def _adopt(work: Path, mine: int, token: str) -> None:
    """Move what earlier owners left into one's own folder, the latest first; then clear their places away.

    File by file and never the folder as a whole: a late owner on another node may go on writing into its folder for
    as long as its node remembers where that was.
    """
    for number in reversed([number for number in _claims(work) if number < mine]):
        theirs = _token(read_json(_claim_path(work, number)))
        if theirs and (work / theirs).is_dir():
            for path in (work / theirs).iterdir():
                if (
                    path.name != HEARTBEAT
                    and not is_partial(path)
                    and not (work / token / path.name).exists()
                ):
                    with contextlib.suppress(FileNotFoundError):
                        os.rename(path, work / token / path.name)
            shutil.rmtree(work / theirs, ignore_errors=True)
        _claim_path(work, number).unlink(missing_ok=True)


def _claims(work: Path) -> list[int]:
    """The numbers of all claims, rising. The folder is listed: a file server's client may remember absent names."""
    try:
        names = os.listdir(work)
    except FileNotFoundError:
        return []
    return sorted(int(found[1]) for found in map(CLAIM.fullmatch, names) if found)


def _claim_path(work: Path, number: int) -> Path:
    return work / f"claim-{number:06}.json"


def _token(said: Mapping[str, Any]) -> str | None:
    """A claim's token, if it is one: it names a folder, and must not lead anywhere else."""
    token = said.get("token")
    return token if isinstance(token, str) and TOKEN.fullmatch(token) else None


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by Ctrl-C"
    if isinstance(error, SystemExit):
        return "asked to stop by a signal"
    return " ".join(f"{type(error).__name__}: {error}".split())

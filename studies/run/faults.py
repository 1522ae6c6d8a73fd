"""Whose fault an error is: the machine's, of which nothing is recorded, or the run's own, which is its result.

A run's identity names no machine, so a record must not say "failed" of a run whose disk was full, whose memory was
short or whose file server was away: another machine, or this one tomorrow, can finish it. Libraries hide what the
system told them. C++ that writes through a Python file turns "no space left" into an error of its own, Rust puts the
number into a text, NumPy drops it. So the whole chain of errors is searched, by number first and by words last.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from zigma.common.words import one_line

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
ACCESS = (errno.EACCES, errno.EPERM)
FILE_SERVER = (
    errno.ESTALE,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
)
LIMITS = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN)
OF_THE_MACHINE = frozenset((*DISK, *ACCESS, *FILE_SERVER, *LIMITS))

# Rust's way (safetensors), and Python's own in a text
NUMBERED = re.compile(r"\(os error (\d+)\)|\[Errno (\d+)\]")
# what libraries say instead of passing the system's error on
WORDS = re.compile(
    r"unexpected pos \d+ vs \d+"  # torch.save, when a write fell short
    r"|PytorchStreamWriter failed writing"
    r"|No space left on device|Disk quota exceeded|File too large|Read-only file system"
    r"|Stale file handle|Transport endpoint is not connected|Input/output error"
    r"|\d+ requested and \d+ written"  # numpy.save
    r"|DefaultCPUAllocator: (can't allocate|not enough) memory|Cannot allocate memory"
    r"|CUDA out of memory|CUDA error: (out of memory|uncorrectable ECC|unknown error|device.*unavailable)"
    r"|can't start new thread"
)
PROBE_BYTES = 1 << 16


class MachineFault(OSError):
    """The machine failed: of the run nothing is recorded, and it can be resumed."""


class Stopped(SystemExit):
    """This process was asked to stop, and leaves through every `finally`; a plain SystemExit is of the run's code."""


def machine_fault(error: BaseException) -> str | None:
    """What the machine lacked, in a line, if that is what an error comes from; None for a fault of the run."""
    for link in _chain(error):
        number = link.errno if isinstance(link, OSError) else _number_in(str(link))
        if number in OF_THE_MACHINE:
            return os.strerror(number)
        if type(link).__name__ == "UnevenShares":  # of a batch: as many devices as the machine was asked for
            return _line(link)
        if isinstance(link, MemoryError) or type(link).__name__ == "OutOfMemoryError":
            return f"out of memory: {_line(link)}".removesuffix(": ")
        if WORDS.search(str(link)):
            return _line(link)
    return None


def full_disk(folder: Path) -> str | None:
    """Why nothing more can be written below a folder, or None: the last question where an error tells nothing."""
    probe = folder / f".probe.{os.getpid()}.tmp"
    try:
        with probe.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror if error.errno in OF_THE_MACHINE else None
    finally:
        with contextlib.suppress(OSError):  # it is swept up later
            probe.unlink(missing_ok=True)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it was raised from or beside."""
    waiting, seen = [error], set()
    while waiting:
        link = waiting.pop()
        if id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [other for other in (link.__cause__, link.__context__) if other is not None]


def _number_in(text: str) -> int | None:
    match = NUMBERED.search(text)
    return int(match[1] or match[2]) if match else None


def _line(error: BaseException) -> str:
    return one_line(error, 300)

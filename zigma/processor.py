"""What a process that computes on the CPU settles before it does: how its threads wait, how it keeps memory.

For programs, not for libraries: both hold for the whole process. No torch is imported here.
"""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
KEPT, MOST_BEFORE = 2**30, 2**25  # bytes; the second is the most that older versions take


def wait_briefly() -> None:
    """Let torch's threads, when they wait, spin for microseconds and then sleep; to be called before torch is loaded.

    Left alone they spin for milliseconds, on cores that another process may want. What the user has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # else passive threads sleep at once, and wake late


def keep_freed_memory() -> bool:
    """Let memory that is freed stay with this process, for the next step; returns whether that could be arranged.

    The tensors of a training step are made anew each time. glibc gives large ones back to the system when they are
    freed and asks for them again, and every page is then cleared and mapped again. The process stays as large as it
    ever was. Elsewhere than on Linux with glibc nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    kept = mallopt(M_MMAP_THRESHOLD, KEPT) or mallopt(M_MMAP_THRESHOLD, MOST_BEFORE)
    return bool(kept and mallopt(M_TRIM_THRESHOLD, KEPT))

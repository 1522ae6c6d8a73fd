"""The threads that torch's own operators run on, for the kernels too.

Threads of our own would meet torch's on every core: those wait for their next operator by spinning, for milliseconds,
and a kernel's thread that the system then puts on the same core as its sibling is no help at all.
"""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch

_MEMBER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def _torch_openmp() -> Any:
    """The entry point of the OpenMP runtime that torch uses, by GCC's interface, which LLVM's and Intel's have too.

    None where there is no such interface (macOS, Windows).
    """
    try:  # loaded already: the same library again, and what it depends on
        parallel = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so")).GOMP_parallel
    except (OSError, AttributeError):
        return None
    parallel.argtypes, parallel.restype = (_MEMBER, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
    return parallel


_openmp = _torch_openmp()
_pool: ThreadPoolExecutor | None = None


def _after_fork() -> None:
    """Threads do not survive a fork: OpenMP's would be waited for in vain, the pool is made anew."""
    global _openmp, _pool
    _openmp = _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def on_threads(threads: int, work: Callable[[], None]) -> None:
    """Call `work` in so many threads at once, this one among them (in fewer, where the system gives no more).

    Raises what any of them raised.
    """
    if threads <= 1:
        work()
    elif _openmp is None:
        _on_pool(threads, work)
    else:
        _on_openmp(threads, work)


def _on_openmp(threads: int, work: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def member(_: Any) -> None:
        try:
            work()
        except BaseException as error:  # it cannot pass through C; raised again below
            errors.append(error)

    _openmp(_MEMBER(member), None, threads, 0)
    if errors:
        raise errors[0]


def _on_pool(threads: int, work: Callable[[], None]) -> None:
    global _pool
    if _pool is None or _pool._max_workers < threads - 1:
        _pool = ThreadPoolExecutor(threads - 1, thread_name_prefix="zigma-ops")
    futures = [_pool.submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        wait(futures)  # they write into this call's memory
    for future in futures:
        future.result()

"""How the CPU's kernels are compiled: on first use, and kept between processes."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba import extending, njit
from numba.core.caching import FunctionCache

intrinsic: Any = extending.intrinsic  # a call leaves out the first parameter, which its own types do not know

# What is built into every kernel. numba's cache notices a change of the kernel's own file only.
_PARTS = ("compile.py", "math.py", "simd.py", "tasks.py")


def parts_digest() -> str:
    """A digest of the files that are built into every kernel."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in _PARTS)).hexdigest()


class _Cache(FunctionCache):
    """numba's cache on disk, where code compiled from other parts is another entry."""

    _digest = parts_digest()

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return *super()._index_key(sig, codegen), self._digest


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel: without Python's lock, and dividing by zero as IEEE 754 says."""
    compiled: Any = njit(nogil=True, error_model="numpy")(function)
    with suppress(
        RuntimeError
    ):  # raised where no folder can be written: then every process compiles for itself
        compiled._cache = _Cache(function)
    return compiled


def part(function: Callable[..., Any]) -> Any:
    """Compile a function into the kernels that call it."""
    return njit(nogil=True, error_model="numpy", forceinline=True)(function)

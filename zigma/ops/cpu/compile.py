"""How the CPU's kernels are compiled: on first use, and kept between processes."""

import hashlib
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba import config, extending, njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

if getattr(config, "DISABLE_JIT", 0):  # each loop of a kernel would be Python: hours for a training step
    raise ImportError("the variable NUMBA_DISABLE_JIT turns off numba's compiler")

intrinsic: Any = extending.intrinsic  # a call leaves out the first parameter, which its own types do not know

_DIGEST = hashlib.sha256().digest_size  # bytes before the data of a file

# What is built into every kernel. numba's cache notices a change of the kernel's own file only.
_PARTS = ("compile.py", "math.py", "simd.py", "tasks.py")


def parts_digest() -> str:
    """A digest of the files that are built into every kernel."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in _PARTS)).hexdigest()


class _CheckedFile(IndexDataCacheFile):
    """numba's files on disk, of which only what was written whole is read: anything else is compiled again.

    A machine that loses power, or a full quota, leaves files that end early, and code cut short must not run.
    """

    def _load_index(self) -> Any:
        try:
            return super()._load_index()
        except Exception:  # whatever unpickling a damaged file comes to
            return {}

    def _load_data(self, name: str) -> Any:
        data = Path(self._data_path(name)).read_bytes()
        if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
            raise OSError(f"{name} is damaged")  # numba takes it for a missing file
        return pickle.loads(data[_DIGEST:])

    def _save_data(self, name: str, data: Any) -> None:
        pickled = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(pickled).digest() + pickled)


class _Cache(FunctionCache):
    """numba's cache on disk, where code compiled from other parts is another entry."""

    _digest = parts_digest()

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        name, stamp = self._impl.filename_base, self._impl.locator.get_source_stamp()
        self._cache_file = _CheckedFile(self._cache_path, name, stamp)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return *super()._index_key(sig, codegen), self._digest

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # a full disk, or a folder that can no longer be written: not kept
            super().save_overload(sig, data)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel: without Python's lock, and dividing by zero as IEEE 754 says."""
    compiled: Any = njit(nogil=True, error_model="numpy")(function)
    # raised where no folder can be written: then every process compiles for itself
    with suppress(RuntimeError):
        compiled._cache = _Cache(function)
    return compiled


def part(function: Callable[..., Any]) -> Any:
    """Compile a function into the kernels that call it."""
    return njit(nogil=True, error_model="numpy", forceinline=True)(function)

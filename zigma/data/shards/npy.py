"""Some rows of a NumPy array inside a larger file, read without the rest of the array and without pickle."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

_LONGEST_HEADER = 4096
Read = Callable[[int, int], bytes]  # (offset, length) within the array's file -> bytes


@dataclass(frozen=True)
class NpyHeader:
    """What the head of a `.npy` file says: shape, type, and where the numbers begin."""

    shape: tuple[int, ...]
    dtype: np.dtype
    begin: int


def read_header(read: Read) -> NpyHeader:
    """The header of a `.npy` file. Raises ValueError when it is damaged or would need pickle."""
    stream = io.BytesIO(read(0, _LONGEST_HEADER))
    version = np.lib.format.read_magic(stream)
    parse = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = parse(stream)
    if dtype.hasobject:
        raise ValueError("the array holds Python objects, which are never unpickled")
    if fortran and len(shape) > 1:
        raise ValueError("the array is stored in Fortran order; save it in C order")
    return NpyHeader(shape, dtype, stream.tell())


def read_rows(read: Read, header: NpyHeader, first: int, count: int) -> np.ndarray:
    """Rows `first` to `first + count` of the array (count, ...). Raises ValueError when it ends too early."""
    row_bytes = prod(header.shape[1:]) * header.dtype.itemsize
    data = read(header.begin + first * row_bytes, count * row_bytes)
    if len(data) != count * row_bytes:
        raise ValueError("the array ends before its last row")
    return np.frombuffer(data, header.dtype).reshape(count, *header.shape[1:])

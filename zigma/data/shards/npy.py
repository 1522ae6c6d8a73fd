"""Some rows of a NumPy array inside a larger file, read without the rest of the array and without pickle."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

_LONGEST_HEADER = 4096
_CHUNK_BYTES = 2**24
Read = Callable[[int, int], bytes]  # (offset, length) within the array's file -> bytes


@dataclass(frozen=True)
class NpyHeader:
    """What the head of a `.npy` file says: shape, type, and where the numbers begin."""

    shape: tuple[int, ...]
    dtype: np.dtype
    begin: int


def member_reader(descriptor: int, begin: int, whole: int) -> Read:
    """Reads within a member of an open shard that begins there and has so many bytes, never beyond its end."""

    def read(offset: int, length: int) -> bytes:
        return os.pread(descriptor, min(length, max(0, whole - offset)), begin + offset)

    return read


def read_header(read: Read) -> NpyHeader:
    """The header of a `.npy` file.

    Raises ValueError when it is damaged, would need pickle, or holds anything but real numbers: of complex ones the
    imaginary part would be lost, and texts would be parsed.
    """
    stream = io.BytesIO(read(0, _LONGEST_HEADER))
    try:
        version = np.lib.format.read_magic(stream)
        old = version == (1, 0)
        parse = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = parse(stream)
    except ValueError:
        raise
    except Exception as error:  # a hostile header makes Python's parser raise nearly every type there is
        raise ValueError(f"the array's header is damaged ({type(error).__name__})") from error
    if dtype.hasobject:
        raise ValueError("the array holds Python objects, which are never unpickled")
    if dtype.kind not in "fiub":
        raise ValueError(f"the array holds {dtype}, not real numbers")
    if fortran and len(shape) > 1:
        raise ValueError("the array is stored in Fortran order; save it in C order")
    if any(length < 0 for length in shape):
        raise ValueError(f"the array claims the shape {shape}")
    return NpyHeader(shape, dtype, stream.tell())


def read_rows(read: Read, header: NpyHeader, first: int, count: int) -> np.ndarray:
    """Rows `first` to `first + count` of the array as float32 (count, ...).

    Raises ValueError when it ends too early, and for numbers that are not finite in float32.
    """
    row_bytes = prod(header.shape[1:]) * header.dtype.itemsize
    data = read(header.begin + first * row_bytes, count * row_bytes)
    if len(data) != count * row_bytes:
        raise ValueError("the array ends before its last row")
    rows = np.frombuffer(data, header.dtype).reshape(count, *header.shape[1:])
    with np.errstate(over="ignore"):
        numbers = rows.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("the array holds numbers that are not finite")
    return numbers


def check_array(read: Read, length: int) -> None:
    """Read a whole array of a file of `length` bytes, a part at a time. Raises ValueError where it is damaged."""
    header = read_header(read)
    count = prod(header.shape)
    if header.begin + count * header.dtype.itemsize != length:
        raise ValueError(f"the array claims the shape {header.shape}, which is not what its bytes hold")
    flat = NpyHeader((count,), header.dtype, header.begin)
    step = _CHUNK_BYTES // header.dtype.itemsize
    for first in range(0, count, step):
        read_rows(read, flat, first, min(step, count - first))

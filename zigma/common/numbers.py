"""What counts as a number where a caller gives one."""

from __future__ import annotations

from numbers import Integral
from typing import Any, TypeGuard


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number of Python or NumPy; true and false are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)

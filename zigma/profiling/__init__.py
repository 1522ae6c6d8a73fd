"""What a network costs: operations, time, memory; and the scan beside other implementations.

`count_flops(model, *inputs)`, `measure_model(model, *inputs)` and `python -m zigma.profiling scan`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zigma.profiling.flops import count_flops as count_flops
    from zigma.profiling.speed import measure_model as measure_model

_HOME = {"count_flops": "flops", "measure_model": "speed"}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

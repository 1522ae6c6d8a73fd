"""What a network costs: operations, time, memory; and the scan beside other implementations.

`count_flops(model, *inputs)`, `measure_model(model, *inputs)` and `python -m zigma.profiling scan`.
"""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.profiling.flops import count_flops as count_flops
    from zigma.profiling.speed import measure_model as measure_model

_HOME = {"count_flops": "flops", "measure_model": "speed"}
__all__ = list(_HOME)

__getattr__ = lazy(__name__, _HOME)

"""How the threads that run a kernel share its tasks."""

from typing import Any

from llvmlite import ir
from numba.core import types

from zigma.ops.cpu.compile import intrinsic


@intrinsic
def take(typing: Any, turn: Any) -> Any:
    """The number in `turn`, int64 (1,), which then is one more: no two threads get the same."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        # "monotonic" (C's relaxed): tasks share nothing but the number
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "monotonic")

    counts = isinstance(turn, types.Array) and turn.dtype == types.int64
    return (types.int64(turn), lower) if counts else None

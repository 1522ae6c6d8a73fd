"""Vectors of LANES float32 values as a type that numba compiles: `store(y, i, 2.0 * load(x, i) + load(y, i))`.

numba leaves vectors to LLVM's loop vectoriser, which gives up on loops as long as ours. Here a vector is one value,
as in a kernel for a GPU: arithmetic takes vectors and numbers, and LLVM splits a vector into as many registers as
the processor needs (1 with AVX-512, 2 with AVX2, 4 with NEON or SSE), so one kernel serves them all.

Products and sums carry LLVM's flag `contract`: they may become one fused multiply-add, and nothing else is allowed,
so NaN and infinity keep their meaning and a sum is added in the order in which it is written. Arrays are float32 and
C-contiguous, of any number of axes; an index counts elements from their start and is not checked.
"""

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import lower_builtin, models, register_model, type_callable

from zigma.ops.cpu.compile import intrinsic

LANES = 16

_LLVM = ir.VectorType(ir.FloatType(), LANES)
_LLVM_BITS = ir.VectorType(ir.IntType(32), LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)
_ALIGNED = 4  # bytes: any float32 may start a vector


class Vector(types.Type):
    """The type of a vector."""

    def __init__(self) -> None:
        super().__init__(f"float32x{LANES}")


VECTOR = Vector()


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: Any) -> None:
        super().__init__(manager, type_, _LLVM)


def _splat(builder: Any, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(_LLVM, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, one, ir.Constant(_LLVM_BITS, [0] * LANES))


def _as_vector(context: Any, builder: Any, value: Any, type_: Any) -> Any:
    if isinstance(type_, Vector):
        return value
    return _splat(builder, context.cast(builder, value, type_, types.float32))


def _takes_vectors(function: Any) -> None:
    """Let `function(a, b)` be a vector where one of a, b is, and the other is a vector or a number."""

    @type_callable(function)
    def type_of(context: Any) -> Any:
        def typer(a: Any, b: Any) -> Any:
            kinds = [isinstance(x, Vector) for x in (a, b)]
            numbers = [isinstance(x, types.Number) for x in (a, b)]
            return VECTOR if any(kinds) and all(k or n for k, n in zip(kinds, numbers, strict=True)) else None

        return typer


def _arithmetic(function: Any, instruction: str) -> None:
    _takes_vectors(function)

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b = (_as_vector(context, builder, *x) for x in zip(arguments, signature.args, strict=True))
        return getattr(builder, instruction)(a, b, flags=("contract",))

    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
        lower_builtin(function, *pair)(lower)


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")
_arithmetic(operator.truediv, "fdiv")


@type_callable(operator.neg)
def _type_of_negative(context: Any) -> Any:
    return lambda vector: VECTOR if isinstance(vector, Vector) else None


@lower_builtin(operator.neg, Vector)
def _negative(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.fneg(arguments[0])


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any, pointee: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), pointee.as_pointer())


def _floats(array: Any, index: Any) -> bool:
    """Whether these are the types of what the functions below can address."""
    rows = isinstance(array, types.Array) and array.dtype == types.float32 and array.layout == "C"
    return rows and isinstance(index, types.Integer)


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """The LANES values of `array` from `index` on."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index = arguments
        address = _address(context, builder, signature.args[0], array, index, _LLVM)
        return builder.load(address, align=_ALIGNED)

    return (VECTOR(array, types.intp), lower) if _floats(array, index) else None


@intrinsic
def store(typing: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector to `array` from `index` on."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index, value = arguments
        builder.store(
            value, _address(context, builder, signature.args[0], array, index, _LLVM), align=_ALIGNED
        )
        return context.get_dummy_value()

    good = _floats(array, index) and isinstance(vector, Vector)
    return (types.void(array, types.intp, vector), lower) if good else None


def _first(builder: Any, lanes: Any) -> Any:
    """The mask of the first `lanes` lanes."""
    count = builder.trunc(lanes, ir.IntType(32))
    one = builder.insert_element(ir.Constant(_LLVM_BITS, ir.Undefined), count, ir.Constant(ir.IntType(32), 0))
    counts = builder.shuffle_vector(one, one, ir.Constant(_LLVM_BITS, [0] * LANES))
    return builder.icmp_signed("<", ir.Constant(_LLVM_BITS, list(range(LANES))), counts)


@intrinsic
def load_first(typing: Any, array: Any, index: Any, lanes: Any) -> Any:
    """As `load`, but only the first `lanes` values are read; the other lanes are zero."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index, lanes = arguments
        address = _address(context, builder, signature.args[0], array, index, _LLVM)
        name = f"llvm.masked.load.v{LANES}f32.p0"
        kind = ir.FunctionType(_LLVM, [address.type, ir.IntType(32), _MASK, _LLVM])
        function = _declare(builder, name, kind)
        zeros = ir.Constant(_LLVM, [0.0] * LANES)
        aligned = ir.Constant(ir.IntType(32), _ALIGNED)
        return builder.call(function, [address, aligned, _first(builder, lanes), zeros])

    return (VECTOR(array, types.intp, types.intp), lower) if _floats(array, index) else None


@intrinsic
def store_first(typing: Any, array: Any, index: Any, vector: Any, lanes: Any) -> Any:
    """As `store`, but only the first `lanes` values are written."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index, value, lanes = arguments
        address = _address(context, builder, signature.args[0], array, index, _LLVM)
        name = f"llvm.masked.store.v{LANES}f32.p0"
        kind = ir.FunctionType(ir.VoidType(), [_LLVM, address.type, ir.IntType(32), _MASK])
        function = _declare(builder, name, kind)
        aligned = ir.Constant(ir.IntType(32), _ALIGNED)
        builder.call(function, [value, address, aligned, _first(builder, lanes)])
        return context.get_dummy_value()

    good = _floats(array, index) and isinstance(vector, Vector)
    return (types.void(array, types.intp, vector, types.intp), lower) if good else None


def _declare(builder: Any, name: str, kind: Any) -> Any:
    declared = builder.module.globals.get(name)
    return ir.Function(builder.module, kind, name) if declared is None else declared


@intrinsic
def prefetch(typing: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line at `index`; it need not exist."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8), ir.IntType(32)
        array, index = arguments
        address = _address(context, builder, signature.args[0], array, index, byte)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        function = _declare(builder, "llvm.prefetch.p0", kind)
        read, keep, data = (ir.Constant(number, n) for n in (0, 3, 1))
        builder.call(function, [address, read, keep, data])
        return context.get_dummy_value()

    return (types.void(array, types.intp), lower) if _floats(array, index) else None


@intrinsic
def splat(typing: Any, value: Any) -> Any:
    """A vector of one number."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _as_vector(context, builder, arguments[0], signature.args[0])

    return (VECTOR(value), lower) if isinstance(value, types.Number) else None


@intrinsic
def spread(typing: Any, array: Any, index: Any) -> Any:
    """A vector of the one value at `index`."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index = arguments
        address = _address(context, builder, signature.args[0], array, index, ir.FloatType())
        return _splat(builder, builder.load(address, align=_ALIGNED))

    return (VECTOR(array, types.intp), lower) if _floats(array, index) else None


def _choose(comparison: str) -> Any:
    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b = (_as_vector(context, builder, *x) for x in zip(arguments, signature.args, strict=True))
        return builder.select(builder.fcmp_ordered(comparison, a, b), b, a)

    return lower


@intrinsic
def at_least(typing: Any, vector: Any, bound: Any) -> Any:
    """The larger of each lane and the bound (a number or a vector); NaN in the vector stays NaN."""
    return VECTOR(vector, bound), _choose("<")


@intrinsic
def at_most(typing: Any, vector: Any, bound: Any) -> Any:
    """The smaller of each lane and the bound (a number or a vector); NaN in the vector stays NaN."""
    return VECTOR(vector, bound), _choose(">")


@intrinsic
def where_negative(typing: Any, vector: Any, then: Any, otherwise: Any) -> Any:
    """Each lane of `then` where the vector is below zero, else of `otherwise`."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, then, otherwise = (
            _as_vector(context, builder, *x) for x in zip(arguments, signature.args, strict=True)
        )
        zeros = ir.Constant(_LLVM, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered("<", value, zeros), then, otherwise)

    return VECTOR(vector, then, otherwise), lower


@intrinsic
def sqrt(typing: Any, vector: Any) -> Any:
    """The square root of each lane."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = _declare(builder, f"llvm.sqrt.v{LANES}f32", ir.FunctionType(_LLVM, [_LLVM]))
        return builder.call(function, arguments)

    return VECTOR(vector), lower


@intrinsic
def low_bits_as_exponent(typing: Any, vector: Any) -> Any:
    """The float32 whose sign and exponent are the last nine bits of each lane, and whose mantissa is zero."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], _LLVM_BITS)
        return builder.bitcast(builder.shl(bits, ir.Constant(_LLVM_BITS, [23] * LANES)), _LLVM)

    return VECTOR(vector), lower


def _sum_by_pairs(builder: Any, vectors: list[Any]) -> Any:
    """Add up LANES vectors each over its own lanes; lane i of the result is the sum of vector i."""
    half = LANES
    while half > 1:
        # of each run of 2 * half lanes, the first half goes to vector i, the other to vector i + half
        half //= 2
        lanes = [lane for lane in range(LANES) if lane % (2 * half) < half]
        low = [
            lane
            for run in range(0, len(lanes), half)
            for k in (0, LANES)
            for lane in _run(lanes, run, half, k)
        ]
        pick, rest = (ir.Constant(_LLVM_BITS, [lane + shift for lane in low]) for shift in (0, half))
        vectors = [
            builder.fadd(builder.shuffle_vector(a, b, pick), builder.shuffle_vector(a, b, rest))
            for a, b in zip(vectors[:half], vectors[half:], strict=True)
        ]
    return vectors[0]


def _run(lanes: list[int], start: int, length: int, shift: int) -> list[int]:
    return [lane + shift for lane in lanes[start : start + length]]


@intrinsic
def totals(typing: Any, array: Any, index: Any) -> Any:
    """The sums of LANES vectors that lie one after the other from `index` on, as one vector.

    Halves are added to halves: the same on every processor.
    """

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index = arguments
        vectors = []
        for i in range(LANES):
            place = builder.add(index, ir.Constant(index.type, i * LANES))
            address = _address(context, builder, signature.args[0], array, place, _LLVM)
            vectors.append(builder.load(address, align=_ALIGNED))
        return _sum_by_pairs(builder, vectors)

    return (VECTOR(array, types.intp), lower) if _floats(array, index) else None

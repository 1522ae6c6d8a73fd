"""What every configuration is: frozen, compared by value, checked when it is made, refused in one line per problem.

A field that comes later than the first records is declared with `later(default)`: while it is at its default it
stands in no dump, so that it does not enter the identity of a run (`studies.declare.identity`), and a configuration
that was recorded before the field existed is read with the default.
"""

from __future__ import annotations

import math
import operator
import re
from types import UnionType
from typing import Annotated, Any, Self, Union, dataclass_transform, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from zigma.common.words import Problems, unknown

LONGEST_VALUE = 80  # characters of a value that a message repeats
LARGEST_WHOLE = 2**63 - 1  # what torch and NumPy count to


def _whole(value: Any) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # a NumPy integer is a whole number too
    except TypeError:
        raise PydanticCustomError("must_be", "a whole number") from None
    if abs(number) > LARGEST_WHOLE:
        raise PydanticCustomError("must_be", "a whole number of at most 64 bits")
    return number


def _number(value: Any) -> float:
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        raise PydanticCustomError("must_be", "a number")
    number = float(value)
    if not math.isfinite(number):
        raise PydanticCustomError("must_be", "a finite number")
    return number


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise PydanticCustomError("must_be", "true or false")
    return value


def _grid(sides: tuple[int, ...]) -> tuple[int, ...]:
    if len(sides) not in (2, 3):
        raise PydanticCustomError("must_be", "(height, width) or (frames, height, width)")
    return sides


Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[Whole, Field(ge=1)]
Number = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[Number, Field(gt=0)]
Share = Annotated[Number, Field(ge=0, lt=1)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Grid = Annotated[tuple[Count, ...], AfterValidator(_grid)]
Seed = Annotated[Whole, Field(ge=0)]


def later(default: Any, **constraints: Any) -> Any:
    """The default of a field that came after the first records: at it, the field is left out of every dump."""
    return Field(default, exclude_if=lambda value: value == default, **constraints)


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
class Configuration(BaseModel, frozen=True, extra="forbid"):
    """Plain data that decides numbers. Raises `Problems`, a ValueError with a line for each problem."""

    def __init__(self, *values: Any, **fields: Any) -> None:
        names = list(type(self).model_fields)
        if len(values) > len(names) or fields.keys() & set(names[: len(values)]):
            raise TypeError(f"at most one value for each of {', '.join(names)}")
        try:
            super().__init__(**dict(zip(names, values, strict=False)), **fields)
        except ValidationError as error:
            raise Problems(_lines(error, type(self))) from None

    # what pydantic puts on its own __init__: parts are checked with their whole, and not by a call for each
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Check a dict, such as a record's. Raises `Problems` with a line for each problem."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise Problems(_lines(error, cls)) from None

    def replace(self, **fields: Any) -> Self:
        """The same with other values, checked like any."""
        return type(self)(**dict(self) | fields)

    @model_validator(mode="before")
    @classmethod
    def _read_texts(cls, values: Any) -> Any:
        """Read what a person typed as `show` prints it: `8x8`, `a,b`, one number, nothing, `none`."""
        if not isinstance(values, dict):
            return values
        typed = {
            name: value
            for name, value in values.items()
            if isinstance(value, str | int | float)
            and not isinstance(value, bool)
            and name in cls.model_fields
        }
        return values | {
            name: _read(value, cls.model_fields[name].annotation) for name, value in typed.items()
        }


def _read(value: str | float, annotation: Any) -> Any:
    if value == "none" and type(None) in get_args(annotation):
        return None
    if get_origin(annotation) is not tuple:
        return value
    text = str(value)
    if not text:
        return ()
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(map(int, text.split("x")))
    return tuple(_number_or_word(part) for part in text.split(","))


def _number_or_word(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def kinds(owner: type[Configuration], name: str) -> dict[str, type[Configuration]]:
    """The configurations that a field may hold, by their `kind`; by no name where there is one without a kind."""
    field = owner.model_fields.get(name)
    held = [] if field is None else _parts(field.annotation)
    return {kind.model_fields["kind"].default if "kind" in kind.model_fields else "": kind for kind in held}


def _parts(annotation: Any) -> list[type[Configuration]]:
    if isinstance(annotation, type) and issubclass(annotation, Configuration):
        return [annotation]
    inside = get_args(annotation) if get_origin(annotation) in (Union, UnionType, Annotated) else ()
    return [kind for part in inside for kind in _parts(part)]


def _lines(error: ValidationError, kind: type[Configuration]) -> list[str]:
    details = error.errors()
    wrong_items = {detail["loc"][:-1] for detail in details}  # pydantic counts only the right ones of a list
    kept = [
        detail for detail in details if not (detail["type"] == "too_short" and detail["loc"] in wrong_items)
    ]
    return list(dict.fromkeys(_line(detail, kind) for detail in kept))


_MUST_BE = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "above {gt:g}",
    "less_than_equal": "at most {le}",
    "less_than": "below {lt}",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "string_type": "a word",
    "tuple_type": "a list",
    "union_tag_not_found": "several settings, its kind among them",
    "model_type": "several settings",
    "model_attributes_type": "several settings",
}


def _line(detail: ErrorDetails, kind: type[Configuration]) -> str:
    """One problem that pydantic has met, in a sentence that names the field and never a class."""
    path, owner = _place(detail["loc"], kind)
    context, value = detail.get("ctx", {}), detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            above = path.rpartition(".")[0]
            return str(
                unknown("field", path, [f"{above}.{name}" if above else name for name in owner.model_fields])
            )
        case "literal_error":
            return str(
                unknown(path.partition("[")[0], str(value), re.findall(r"'([^']*)'", context["expected"]))
            )
        case "union_tag_invalid":
            kinds_there = re.findall(r"'([^']*)'", context["expected_tags"])
            written = ["FILE.py:NAME" if each == "own" else each for each in kinds_there]
            return str(unknown(f"{path}.kind", context["tag"], written))
        case "missing":
            return f"{path} is missing, and has no default"
        case "value_error":
            return f"{path}: {context['error']}" if path else str(context["error"])
        case "must_be":
            right = detail["msg"]
        case other:
            right = (
                _MUST_BE.get(other, detail["msg"].lower()).format(**context).replace("above 0", "positive")
            )
    shown = str(value) if isinstance(value, int | float) else repr(value)
    return f"{path or 'a configuration'} must be {right}, not {shown[:LONGEST_VALUE]}"


def _place(location: tuple[int | str, ...], kind: type[Configuration]) -> tuple[str, type[Configuration]]:
    """Where a problem is, as a person types it, and the configuration that has the field."""
    path, owner, inside = "", kind, {"": kind}
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif path and part in inside and "" not in inside:  # pydantic names the chosen kind after the field
            inside = {"": inside[part]}
        else:
            owner = inside.get("", owner)
            path += f".{part}" if path else part
            inside = kinds(owner, part)
    return path, owner

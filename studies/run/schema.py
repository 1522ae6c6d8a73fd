"""What a record holds. Fields that came later are optional, so that every older record is still read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SCHEMA = 1  # raised only when a reader of before would misread a record; all schemas from 1 on are read
DEEPEST = 24  # levels of lists and objects; a record has six
NESTING = (dict, list)  # no others come out of JSON
LARGEST_INTEGER = 2**63
LARGEST_NUMBER = 1e100  # beyond the square of any float32; spreads and ratios of such numbers are finite


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it should have no control characters, line breaks or halves of characters")
    return text


def _inside(path: str) -> str:
    """A path that cannot lead out of the folder that it starts from."""
    if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/") or path[1:2] == ":":
        raise ValueError("it should name a file by its path inside the results folder")
    return path


Name = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_printable)]
Artifact = Annotated[Name, AfterValidator(_inside)]
Line = Annotated[str, Field(max_length=20_000)]
Words = Annotated[Line, AfterValidator(_printable)]
Number = Annotated[float, Field(allow_inf_nan=False, gt=-LARGEST_NUMBER, lt=LARGEST_NUMBER)]
Integer = Annotated[int, Field(gt=-LARGEST_INTEGER, lt=LARGEST_INTEGER)]
Identity = Annotated[str, Field(pattern=r"^[0-9a-f]{16}\z")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class Metric(_Part):
    """A number and, in further fields, the protocol by which it was made."""

    name: Name
    value: Number
    lower_ms: Number | None = None
    upper_ms: Number | None = None
    settings: dict[Name, Any] | None = None


class Curve(_Part):
    """Points of a number over the steps of training."""

    step: list[Number]
    value: list[Number]

    @model_validator(mode="after")
    def _as_many(self) -> Curve:
        if len(self.step) != len(self.value):
            raise ValueError(f"{len(self.step)} steps should have as many numbers, not {len(self.value)}")
        return self


class Segment(_Part):
    """A process that worked on the run, from a step on (`studies.run.history`)."""

    from_step: Annotated[int, Field(ge=0, lt=LARGEST_INTEGER)]
    commit: Name | None = None
    code: Name | None = None
    torch: Name | None = None
    device: Name | None = None
    threads: Integer | None = None
    started: Name | None = None


class RecordSchema(_Part):
    """A record; `results/README.md` says what each field is."""

    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=())

    study: Name
    arm: Name
    scale: Name
    setting: Name
    seed: Integer
    identity: Identity
    config: dict[Name, Any]
    fingerprints: dict[Name, Name] | None = None
    status: Literal["done", "failed"]
    error: Line | None = None
    metrics: Annotated[list[Metric], Field(max_length=10_000)]
    curves: dict[Name, Curve]
    wall_time_s: dict[Name, Number]
    cost: dict[Name, Number | None]
    environment: dict[Name, Words | Integer | Number | bool | None]
    artifacts: dict[Name, Artifact] | None = None
    skipped: dict[Name, Any] | None = None
    history: list[Segment] | None = None
    started: Name | None = None
    finished: Name | None = None
    checksum: Name | None = None


def too_deep(data: dict[str, Any]) -> bool:
    """Whether lists and objects nest deeper than `DEEPEST`; the points of curves, which are most of it, are numbers."""
    level: list[Any] = [part for name, part in data.items() if name != "curves" and type(part) in NESTING]
    for curve in data["curves"].values():
        level += (
            part for name, part in curve.items() if name not in ("step", "value") and type(part) in NESTING
        )
    for _ in range(DEEPEST):
        if not level:
            return False
        level = [
            below
            for part in level
            for below in (part.values() if type(part) is dict else part)
            if type(below) in NESTING
        ]
    return True

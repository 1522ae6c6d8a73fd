"""What a preparation keeps in its folder besides the shards: the plan and a receipt for each shard."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from zigma.common.files import replace_text
from zigma.common.words import printable
from zigma.data.shards.manifest import Split, TarName, in_a_line

PLAN = "plan.json"
_FIRST = 100  # unused captions that are named


def _inside(file: str) -> str:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError("it lies outside the source")
    return file


Inside = Annotated[str, AfterValidator(_inside)]  # a path relative to the source


class Skipped(BaseModel, frozen=True):
    """A file that is not used, and why."""

    file: str
    reason: str


class Unused(BaseModel, frozen=True):
    """Captions that are of no file: how many, and the first of them as they were given."""

    count: int = 0
    first: list[str] = []

    @classmethod
    def of(cls, keys: list[str]) -> Unused:
        """Of all of them in order. A table of 80,000 pictures may well serve a folder of a hundred."""
        return cls(count=len(keys), first=[printable(key) for key in keys[:_FIRST]])


class Sample(BaseModel, frozen=True):
    """A file that is to be encoded."""

    key: Annotated[str, Field(pattern=r"^\d+$")]
    file: Inside
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    split: Split
    captions: list[str] | None = None
    class_number: int | None = None
    class_name: str | None = None


class PlannedShard(BaseModel, frozen=True):
    """A shard and the files that it is made of."""

    file: TarName
    split: Split
    samples: list[Sample]


class Plan(BaseModel, frozen=True):
    """Everything that is decided before a file is encoded."""

    listing: str  # hash of the source's names, sizes and times
    request: dict[str, Any]
    classes: list[str]
    passed_over: dict[str, int] = {}  # files of suffixes that are not prepared, by suffix
    skipped: list[Skipped]
    unused_captions: Unused = Unused()
    shards: list[PlannedShard]


class Receipt(BaseModel, frozen=True):
    """What became of a shard's files; it is written last, so that it stands for a whole shard."""

    file: TarName
    split: Split
    samples: int
    bytes: int
    sha256: str
    skipped: list[Skipped]


def read_plan(out: Path) -> Plan | None:
    """The plan kept in `out`, if there is one. Raises ValueError, in one line, for anything else under its name."""
    path = out / PLAN
    if not path.is_file():
        return None
    try:
        return Plan.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(
            f"{path} is no plan of this version ({in_a_line(error)}): choose another folder"
        ) from error


def receipt_path(out: Path, shard: PlannedShard) -> Path:
    """Where the receipt of a shard lies."""
    return (out / shard.file).with_suffix(".json")


def read_receipt(out: Path, shard: PlannedShard) -> Receipt | None:
    """The receipt of a shard; None where the shard is not there, or not as it was written."""
    path, file = receipt_path(out, shard), out / shard.file
    if not path.is_file() or not file.is_file():
        return None
    try:
        receipt = Receipt.model_validate_json(path.read_bytes())
    except ValidationError:
        return None  # damaged: the shard is made again
    return receipt if receipt.file == shard.file and receipt.bytes == file.stat().st_size else None


def keep(path: Path, contents: BaseModel) -> None:
    """Write it in one step."""
    replace_text(path, contents.model_dump_json(indent=1, exclude_none=True))

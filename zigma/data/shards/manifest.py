"""The manifest of prepared shards: what was prepared, from what, and by which bytes its shards are known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from zigma.common.words import one_line

MANIFEST = "manifest.json"
Split = Literal["train", "test"]


def _plain(file: str) -> str:
    if (
        Path(file).name != file
        or file.startswith(".")
        or not file.endswith(".tar")
        or "\\" in file
        or "\0" in file
    ):
        raise ValueError("it is no plain name of a .tar beside the manifest")
    return file


TarName = Annotated[str, AfterValidator(_plain)]  # never a path, which could lead out of the folder


class ListedShard(BaseModel, frozen=True):
    """A shard as it was when it was written."""

    file: TarName
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]
    samples: Annotated[int, Field(ge=0)] = 0
    split: Split = "train"


class Counts(BaseModel, frozen=True):
    """Samples of the two parts, and files that were left out."""

    train: Annotated[int, Field(ge=0)]
    held_out: Annotated[int, Field(ge=0)]
    skipped: Annotated[int, Field(ge=0)] = 0


class Request(BaseModel, frozen=True, extra="allow"):
    """What was asked for. What later versions add is kept as it is."""

    captions: str | None = None
    weights: dict[str, str] = {}  # hashes of the encoders


class Manifest(BaseModel, frozen=True):
    """Everything that a folder of prepared shards says of itself."""

    format: int = 1
    request: Request
    latent_scale: float | None = None
    counts: Counts
    classes: list[str] = []
    shards: list[ListedShard]
    passed_over: dict[str, int] = {}
    skipped: list[dict[str, Any]] = []
    unused_captions: dict[str, Any] = {}  # captions of no file: their `count` and the `first` of them


def read_manifest(root: Path) -> Manifest | None:
    """The manifest in a folder of shards; None where there is none.

    Raises ValueError, in one line, for a file of that name that is no manifest.
    """
    path = root / MANIFEST
    if not path.is_file():
        return None
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path} is no manifest of prepared shards: {in_a_line(error)}") from error


def in_a_line(error: ValidationError) -> str:
    """The first thing that is wrong, and how many more there are."""
    first, *others = error.errors(include_url=False)
    place = ".".join(map(str, first["loc"]))
    more = f" (and {len(others)} more)" if others else ""
    return one_line(f"{place}: {first['msg']}{more}".removeprefix(": "), 300)

"""Configurations with some values changed, named by dotted paths: `{"training.steps": 2000}`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from zigma.common.configuration import Configuration, kinds
from zigma.common.plugged import in_a_file, is_file, whole
from zigma.common.words import WordError, shown, unknown
from zigma.models.specs import OwnMixerSpec, OwnOrdering

SCANS = ("scan", "model.scan")  # paths whose values are plans
Assignment = tuple[str, str]  # a path and a value, as a person types them with an equals sign between
ConfigurationT = TypeVar("ConfigurationT", bound=Configuration)


def parse_setting(text: str) -> tuple[str, Any]:
    """`training.steps=2000` as a path and a value; the value is JSON, or else a word.

    A whole number may be written 1e5. Words such as `8x8`, `a,b` and `none` are read by the field that they are for.
    """
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise WordError(f"--set takes path=value, such as training.steps=2000, not {text!r}")
    if path in SCANS:
        from zigma.scans import parse_plan

        return path, parse_plan(value).text  # with the whole path of a file, which a job elsewhere can read
    value = ",".join(map(whole, value.split(",")))  # of a file's mixer and its like, too
    for each in map(in_a_file, value.split(",")):
        if each is not None and not is_file(each):
            raise WordError(f"no file {each.expanduser().absolute()}, of --set {shown(text)}")
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):  # no JSON, more digits than Python reads, or too deep
        return path, value
    return path, int(read) if isinstance(read, float) and read.is_integer() else read


def typed(path: str, value: Any) -> list[Assignment]:
    """What `--set` takes for the value at a path: `parse_setting` and `change` read it back.

    A part with a kind is named by it, and followed by what differs from the kind's defaults; another by all it holds.
    """
    if isinstance(value, OwnMixerSpec | OwnOrdering):
        return [(path, value.word)]
    if not isinstance(value, Configuration):
        return [(path, _text(value))]
    kind = getattr(value, "kind", None)
    usual = {name: field.default for name, field in type(value).model_fields.items()}
    inside = [
        assignment
        for name, one in value
        if name != "kind" and one != (usual[name] if kind else None)
        for assignment in typed(f"{path}.{name}", one)
    ]
    return [(f"{path}.kind" if inside else path, kind), *inside] if kind else inside


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ("x" if all(isinstance(side, int) for side in value) else ",").join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)


def change(config: ConfigurationT, changes: Mapping[str, Any]) -> ConfigurationT:
    """`config` with the values at dotted paths replaced: `change(c, {"training.steps": 2000})`.

    All are made at once, so that two may fit together though neither fits alone.

    Raises:
        Problems: paths name no field, or values do not fit; a line for each with the right words.
    """
    tree: dict[str, Any] = {}
    for path, value in changes.items():
        *parts, name = path.split(".")
        branch = tree
        for part in parts:
            branch = branch.setdefault(part, {})
            if not isinstance(branch, dict):
                raise WordError(f"{path}: {part} is set as a whole as well")
        if name in branch:
            raise WordError(f"{path} is set as a whole, and something inside it too")
        branch[name] = value
    return type(config).model_validate(_merged(config, tree, ""))


def _merged(part: Configuration, tree: Mapping[str, Any], above: str) -> dict[str, Any]:
    """The part's values with those of the tree in their places, as pydantic checks them."""
    values = dict(part)
    for name, value in tree.items():
        old = values.get(name)
        if not isinstance(value, dict):
            values[name] = value
        elif name not in values:
            raise unknown("setting", above + name, [above + word for word in values])
        elif old is None and "" in kinds(
            type(part), name
        ):  # a part that is left out: begun from its defaults
            values[name] = value
        elif not isinstance(old, Configuration):
            path = above + name
            raise WordError(f"{path} has no settings inside it, such as {path}.{next(iter(value))}")
        elif value.get("kind", getattr(old, "kind", None)) != getattr(old, "kind", None):
            values[name] = _of_another_kind(old, kinds(type(part), name).get(str(value["kind"])), value)
        else:
            values[name] = _merged(old, value, f"{above}{name}.")
    return values


def _of_another_kind(
    old: Configuration, kind: type[Configuration] | None, tree: Mapping[str, Any]
) -> dict[str, Any]:
    """What both kinds have (grid, width, classes, ...) as it was, and the rest as it is by default."""
    shared = set(kind.model_fields if kind else ()) - {"kind"}
    return {name: value for name, value in dict(old).items() if name in shared} | dict(tree)

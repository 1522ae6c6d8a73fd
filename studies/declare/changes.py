"""Configurations with some values changed, named by dotted paths: `{"training.steps": 2000}`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from zigma.common.configuration import Configuration, kinds
from zigma.common.plugged import in_a_file, is_file, whole
from zigma.common.words import WordError, shown, unknown
from zigma.models.specs import OwnMixerSpec, OwnOrdering

SCAN_PATHS = frozenset({"scan", "model.scan"})  # whose values are plans
Assignment = tuple[str, str]  # a path and a value, as a person types them with an equals sign between
ConfigurationT = TypeVar("ConfigurationT", bound=Configuration)


def parse_setting(text: str) -> tuple[str, Any]:
    """`training.steps=4000` as a path and a value; the value is JSON, or else a word.

    A whole number may be written 1e5. Words such as `8x8`, `a,b` and `none` are read by the field that they are for.
    """
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise WordError(f"--set takes path=value, such as training.steps=4000, not {text!r}")
    if path in SCAN_PATHS:
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

    A part with a kind is named by it where the rest is as it is by default; else each of its fields is.
    """
    if isinstance(value, OwnMixerSpec | OwnOrdering):
        return [(path, value.word)]
    if not isinstance(value, Configuration):
        return [(path, _text(value))]
    kind = getattr(value, "kind", None)
    if kind and not _kept_by_name(type(value)) and value == type(value)():
        return [(path, kind)]
    inside = [assignment for name, one in value for assignment in typed(f"{path}.{name}", one)]
    return sorted(inside, key=lambda assignment: assignment[0] != f"{path}.kind")


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
        _put(branch, name, value, path)
    return type(config).model_validate(_merged(config, tree, ""))


def _put(branch: dict[str, Any], name: str, value: Any, path: str) -> None:
    """Set a value, one inside another by one; what was given stays as it is."""
    inside = branch.get(name)
    if isinstance(value, dict) and isinstance(inside, dict | None):
        branch[name] = inside or {}
        for key, each in value.items():
            _put(branch[name], key, each, f"{path}.{key}")
    elif name in branch:
        raise WordError(f"{path} is set twice, or as a whole and something inside it too")
    else:
        branch[name] = value


def _merged(part: Configuration, tree: Mapping[str, Any], above: str) -> dict[str, Any]:
    """The part's values with those of the tree in their places, as pydantic checks them."""
    values = dict(part)
    for name, value in tree.items():
        old = values.get(name)
        if (
            isinstance(value, str)
            and isinstance(old, Configuration)
            and value in (of := kinds(type(part), name))
        ):
            values[name] = dict(_begun(old, of[value]))
            continue
        if not isinstance(value, dict):
            values[name] = value
        elif name not in values:
            raise unknown("field", above + name, [above + word for word in values])
        elif old is None and "" in kinds(type(part), name):
            # a part that is left out: begun from its defaults
            values[name] = value
        elif not isinstance(old, Configuration):
            path = above + name
            such = "".join(f", such as {path}.{word}" for word in list(value)[:1])
            raise WordError(f"{path} has no fields inside it{such}")
        elif value.get("kind", getattr(old, "kind", None)) != getattr(old, "kind", None):
            kind = kinds(type(part), name).get(str(value["kind"]))
            values[name] = value if kind is None else _merged(_begun(old, kind), value, f"{above}{name}.")
        else:
            values[name] = _merged(old, value, f"{above}{name}.")
    return values


def _begun(old: Configuration, kind: type[Configuration]) -> Configuration:
    """One of a kind: what every such part has (of networks grid, width, classes, ...) as it was, else by default."""
    shared = _kept_by_name(kind)
    return kind.model_construct(**{name: value for name, value in dict(old).items() if name in shared})


def _kept_by_name(kind: type[Configuration]) -> set[str]:
    """The fields that all of these kinds have: none of mixers, of which two states have but the name in common."""
    common: Any = kind.__mro__[1]
    return set(common.model_fields)

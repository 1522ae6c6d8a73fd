"""Studies that a person declares in a file of her own, outside this package: `python -m studies run my_study.py`.

The file says `STUDY = own_study(...)`; the study's name is the file's. `python -m studies new NAME` writes one to
begin from. Every path and every value of a configuration can be changed, as `--set` does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from studies.declare.changes import SCAN_PATHS
from studies.declare.study import SCALES, Arm, Study
from zigma.common.configuration import Configuration
from zigma.common.plugged import is_file, run_file, whole
from zigma.common.words import WordError, unknown
from zigma.experiment.config import Config

NAME = re.compile(r"\w[\w .+-]*")  # of a study, an arm or a setting: it becomes part of a file's name
LONGEST_NAME = 80  # bytes: file systems hold 255, of an arm, a setting and what else names a record
OF_A_FILE = re.compile(r"\.py:|\.npy")  # in a plan: it names a file
BEFORE_A_FILE = re.compile("[-+(=,]")  # in a plan, of any but its first
_UNNAMED = "?"


def own_study(
    title: str,
    arms: Mapping[str, Mapping[str, Any]] | Iterable[Arm],
    settings: Mapping[str, Config],
    scale: str = "tiny",
    notes: Sequence[str] = (),
) -> Study:
    """A study of one's own.

    Args:
        title: what it asks, in a line.
        arms: name -> dotted path of the configuration -> value; or the arms that `grid` makes.
        settings: name -> configuration; the first one is run by default. `vary(TINY, training={"steps": 200})`
            makes one from those of `studies.declare.scales`.
        scale: at which of the scales the records count; scales are never compared with each other.
        notes: lines to print below the table.

    Raises:
        WordError: a name that no file can have, two arms of one name, or no arm or setting at all.
    """
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    _check_kinds(arms, settings, notes)
    if isinstance(arms, Mapping):
        arms = [Arm(name, dict(changes)) for name, changes in arms.items()]
    chosen = tuple(arms)
    if not chosen or not settings:
        raise WordError("a study needs at least one arm and one setting")
    names = [arm.name for arm in chosen]
    for what, name in [*(("arm", name) for name in names), *(("setting", name) for name in settings)]:
        check_name(what, name)
    for name in names:
        if names.count(name) > 1:
            raise WordError(f"two arms are called {name!r}")
    return Study(_UNNAMED, "own", title, chosen, {scale: dict(settings)}, notes=tuple(notes))


def _check_kinds(arms: Any, settings: Any, notes: Any) -> None:
    """Raise a WordError for the likely slips, in words of what is written in the file."""
    if not isinstance(settings, Mapping):
        raise WordError(
            f"settings map a name to a configuration, such as {{'digits-8': TINY}}, not {settings!r}"
        )
    for name, config in settings.items():
        if not isinstance(config, Configuration):
            raise WordError(
                f"setting {name!r} is a configuration, such as vary(TINY, training={{'steps': 200}}), not {config!r}"
            )
    given = arms.items() if isinstance(arms, Mapping) else [(arm.name, arm.changes) for arm in arms]
    at = [] if isinstance(arms, Mapping) else [(arm.name, each) for arm in arms for each in _places(arm)]
    for name, changes in (*given, *at):
        if not isinstance(changes, Mapping) or not all(isinstance(path, str) for path in changes):
            raise WordError(
                f"arm {name!r} maps paths to values, such as {{'model.scan': 'zigzag-8'}}, not {changes!r}"
            )
    if isinstance(notes, str) or not all(isinstance(note, str) for note in notes):
        raise WordError(f"notes are a list of lines, not {notes!r}")


def _places(arm: Arm) -> list[Any]:
    return list(arm.at.values()) if isinstance(arm.at, Mapping) else [arm.at]


def grid(axes: Mapping[str, Sequence[Any]]) -> tuple[Arm, ...]:
    """An arm for each combination of values: `grid({"model.hidden": (32, 64), "model.scan": ("sweep-8", "zigzag-8")})`.

    An arm is called by its values: `hidden 32, sweep-8`.

    Raises:
        WordError: an axis without values.
    """
    for path, values in axes.items():
        if isinstance(values, str) or not len(values):
            raise WordError(f"grid takes a list of values for {path}, such as [32, 64], not {values!r}")
    arms = []
    for values in product(*axes.values()):
        changes = dict(zip(axes, values, strict=True))
        arms.append(Arm(", ".join(_value_name(path, value) for path, value in changes.items()), changes))
    return tuple(arms)


def _value_name(path: str, value: Any) -> str:
    if path in SCAN_PATHS:
        return re.sub(r"[^(+]*\.py:", "", str(value)) if OF_A_FILE.search(str(value)) else str(value)
    word = getattr(value, "kind", value)
    return str(word) if isinstance(word, str) else f"{path.rpartition('.')[2].replace('_', ' ')} {word}"


def check_name(what: str, name: str) -> None:
    """Raise a WordError unless `name` can be part of a file's name on any system."""
    if (
        not isinstance(name, str)
        or len(os.fsencode(name)) > LONGEST_NAME
        or not re.fullmatch(r"[\w(@][\w ,.:;+=()@-]*", name)
    ):
        raise WordError(
            f"{what} {name!r} cannot be part of a file's name: letters, digits, spaces and . , + - _ are allowed, "
            f"{LONGEST_NAME} at most (of others than A to Z, a half or a third of that)"
        )


def read_study(path: Path) -> Study:
    """The study of a file, its arms and settings with the whole paths of the files that they name.

    Each file is looked for beside the study's file, then where the command was given.

    Raises:
        WordError: the file is not there, does not run, or declares no study, with the line that is wrong.
    """
    path = path.expanduser().absolute()
    if not path.is_file():
        raise WordError(f"no file {path}; python -m studies new {path.stem} writes one to begin from")
    if not NAME.fullmatch(path.stem):
        raise WordError(
            f"a study is called as its file, and {path.stem!r} cannot be a name: letters, digits, spaces and "
            "_ . + - are allowed, a letter or digit first"
        )
    module = run_file(path, path.read_bytes())
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        raise WordError(f"{path.name} declares no study: it should say STUDY = own_study(...)")
    name = path.stem if study.name == _UNNAMED else study.name
    arms = tuple(
        replace(
            arm,
            changes=_with_files("", arm.changes, path),
            at={place: _with_files("", changes, path) for place, changes in arm.at.items()},
        )
        for arm in study.arms
    )
    scales = {
        scale: {setting: _with_files("", config, path) for setting, config in settings.items()}
        for scale, settings in study.scales.items()
    }
    return replace(study, name=name, arms=arms, scales=scales)


def _with_files(path: str, value: Any, study: Path) -> Any:
    """What stands at a path of the configuration (at "" all of it), with the whole paths of the files in it."""
    if isinstance(value, Configuration):
        parts = {name: _with_files(_inside(path, name), part, study) for name, part in value}
        changed = {name: part for name, part in parts.items() if part != getattr(value, name)}
        return value.replace(**changed) if changed else value
    if isinstance(value, Mapping):
        return {name: _with_files(_inside(path, name), part, study) for name, part in value.items()}
    if path in SCAN_PATHS and OF_A_FILE.search(str(value)):
        return _whole_plan(value, study)
    if path == "model.mixer.options":  # they are the mixer's own affair, as in FILE.py:NAME:key=value
        return value
    if isinstance(value, tuple | list):
        return tuple(_with_files(path, each, study) for each in value)
    if isinstance(value, str) and path == "evaluation.extractors":
        return ",".join(whole(each, study) for each in value.split(","))
    return whole(value, study) if isinstance(value, str) else value


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _whole_plan(plan: Any, study: Path) -> str:
    from zigma.scans import parse_plan

    try:
        if isinstance(plan, tuple | list):  # a plan for each layer
            return parse_plan([_beside(each, study) for each in plan]).text
        return parse_plan(_beside(plan, study)).text
    except ValueError as error:
        raise WordError(f"{study.name}: {error}") from error


def _beside(plan: Any, study: Path) -> Any:
    """A plan's text with the whole paths of the files that are beside the study's."""
    from zigma.scans.reader import FILE_END

    if not isinstance(plan, str):
        return plan
    for end in [match.end() for match in FILE_END.finditer(plan)][::-1]:  # what comes before stays in place
        for start in [0, *(match.end() for match in BEFORE_A_FILE.finditer(plan, 0, end))]:
            if is_file(file := study.parent / plan[start:end].strip()):
                plan = f"{plan[:start]}{file}{plan[end:]}"
                break
    return plan

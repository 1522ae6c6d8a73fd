"""Which studies there are: every module of `studies.paper` and of `studies.beyond` declares one as `STUDY`.

A study in a person's own file, `find_study("my_study.py")`, joins them for the rest of this process.
"""

import re
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from studies.declare.own import read_study
from studies.declare.study import Study
from zigma.common.plugged import STUDIES, leave_out
from zigma.common.words import WordError, unknown

ROOMS = ("studies.paper", "studies.beyond")

RANKING = "ranking"  # the table of all scans, whose word and files are named as a study's are
OF_THE_PAPER = re.compile(r"table_\d+")  # names of the files of its tables

_added: dict[str, Study] = {}


@cache
def declared() -> dict[str, Study]:
    """The studies of this package by name."""
    by_name = {}
    for room in map(import_module, ROOMS):
        for module in iter_modules(room.__path__):
            study: Study = import_module(f"{room.__name__}.{module.name}").STUDY
            by_name[study.name] = study
    return by_name


def is_taken(name: str) -> bool:
    """Whether a study of this package, or a table that is no study's, has the name."""
    return name in declared() or name == RANKING or OF_THE_PAPER.fullmatch(name) is not None


@cache
def installed() -> dict[str, Study]:
    """The studies that other packages bring, by their entry points in `zigma.studies`; a broken one is left out."""
    by_name = {}
    for name in STUDIES.entries():
        try:
            by_name[name] = replace(_installed(name), name=name)
        except (Exception, SystemExit) as error:  # a broken package must not take the other studies with it
            whose = "" if isinstance(error, WordError) else f"study {name!r} of {STUDIES.origin(name)}: "
            leave_out(f"{whose}{error}")
    return by_name


def _installed(name: str) -> Study:
    origin = STUDIES.origin(name)
    if is_taken(name):
        raise WordError(f"study {name!r} of {origin} has the name of a study or table of this package")
    study = STUDIES.thing(name)
    study = study() if callable(study) else study
    if not isinstance(study, Study):
        raise WordError(f"study {name!r} of {origin} is a {type(study).__name__} and no Study")
    return study


def studies() -> dict[str, Study]:
    """All studies by name, in the order of their names; those that were added in this process among them."""
    return dict(sorted({**declared(), **installed(), **_added}.items()))


def add_study(study: Study) -> None:
    """Let every later look-up of this process see the study, in the place of one of its name."""
    _added[study.name] = study


def find_study(name: str) -> Study:
    """The study of that name, or of a file that declares one: `my_study.py`.

    Raises:
        WordError: there is none; the nearest name is offered. Or the file does not declare one.
    """
    if name.endswith(".py"):
        study = replace(read_study(Path(name)), file=name)
        if is_taken(study.name):
            raise WordError(
                f"{name}: a study or table of this package is called {study.name}; give the file another name"
            )
        add_study(study)
        return study
    if name not in studies():
        if Path(f"{name}.py").is_file():
            raise WordError(f"unknown study {name!r}; that of a file is named as the file: {name}.py")
        raise unknown("study", name, studies())
    return studies()[name]

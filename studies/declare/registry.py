"""Which studies there are: every module of `studies.paper` and of `studies.beyond` declares one as `STUDY`."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from studies.declare.study import Study
from zigma.common.words import unknown

ROOMS = ("studies.paper", "studies.beyond")


@cache
def studies() -> dict[str, Study]:
    """All studies by name, in the order of their names."""
    declared = {}
    for room in map(import_module, ROOMS):
        for module in iter_modules(room.__path__):
            study: Study = import_module(f"{room.__name__}.{module.name}").STUDY
            declared[study.name] = study
    return dict(sorted(declared.items()))


def find_study(name: str) -> Study:
    """The study of that name.

    Raises:
        WordError: there is none; the nearest name is offered.
    """
    if name not in studies():
        raise unknown("study", name, studies())
    return studies()[name]
